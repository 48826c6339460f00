"""What people call a run: a name drawn from its id, and the settings in which it differs.

>>> name_of("0" * 32), settings_apart({"learning_rate": 5e-4, "max_steps": 60})
('Albatross', ['60 steps', 'lr 5e-4'])

Links and folders keep the id.
"""

import math
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from languages import say, say_plural
from pipeline.config import RUN_SETTINGS
from pipeline.hub.sources import RUN_ID
from pipeline.task import TASKS

MOST_DRAWS = 20
# Told apart at one look, and no name that a pupil would mind
NAMES = (
    say("Albatross"),
    say("Alpaca"),
    say("Antelope"),
    say("Armadillo"),
    say("Axolotl"),
    say("Badger"),
    say("Barracuda"),
    say("Beaver"),
    say("Bison"),
    say("Blackbird"),
    say("Bluebird"),
    say("Bobcat"),
    say("Buffalo"),
    say("Bullfinch"),
    say("Bumblebee"),
    say("Butterfly"),
    say("Camel"),
    say("Canary"),
    say("Capybara"),
    say("Caracal"),
    say("Carp"),
    say("Cassowary"),
    say("Catfish"),
    say("Chameleon"),
    say("Cheetah"),
    say("Chickadee"),
    say("Chinchilla"),
    say("Chipmunk"),
    say("Cicada"),
    say("Civet"),
    say("Clownfish"),
    say("Coati"),
    say("Cockatoo"),
    say("Condor"),
    say("Cormorant"),
    say("Cougar"),
    say("Coyote"),
    say("Crab"),
    say("Crane"),
    say("Crayfish"),
    say("Cricket"),
    say("Crow"),
    say("Cuckoo"),
    say("Curlew"),
    say("Deer"),
    say("Dingo"),
    say("Dolphin"),
    say("Dormouse"),
    say("Dove"),
    say("Dragonfly"),
    say("Eagle"),
    say("Echidna"),
    say("Eel"),
    say("Egret"),
    say("Eider"),
    say("Eland"),
    say("Elephant"),
    say("Elk"),
    say("Emu"),
    say("Falcon"),
    say("Fennec"),
    say("Ferret"),
    say("Finch"),
    say("Firefly"),
    say("Flamingo"),
    say("Flounder"),
    say("Fox"),
    say("Frog"),
    say("Gannet"),
    say("Gazelle"),
    say("Gecko"),
    say("Gibbon"),
    say("Giraffe"),
    say("Gnu"),
    say("Goldfinch"),
    say("Grasshopper"),
    say("Grouse"),
    say("Guanaco"),
    say("Gull"),
    say("Halibut"),
    say("Hamster"),
    say("Hare"),
    say("Harrier"),
    say("Hawk"),
    say("Hedgehog"),
    say("Heron"),
    say("Herring"),
    say("Hoopoe"),
    say("Hornbill"),
    say("Hummingbird"),
    say("Ibex"),
    say("Ibis"),
    say("Iguana"),
    say("Impala"),
    say("Jackal"),
    say("Jackdaw"),
    say("Jaguar"),
    say("Jay"),
    say("Jellyfish"),
    say("Kangaroo"),
    say("Kestrel"),
    say("Kingfisher"),
    say("Kiwi"),
    say("Koala"),
    say("Koi"),
    say("Kookaburra"),
    say("Krill"),
    say("Ladybird"),
    say("Lapwing"),
    say("Lark"),
    say("Lemming"),
    say("Lemur"),
    say("Leopard"),
    say("Lion"),
    say("Lizard"),
    say("Llama"),
    say("Lobster"),
    say("Loris"),
    say("Lynx"),
    say("Macaw"),
    say("Mackerel"),
    say("Magpie"),
    say("Mallard"),
    say("Manatee"),
    say("Mandrill"),
    say("Manta"),
    say("Mantis"),
    say("Marlin"),
    say("Marmot"),
    say("Marten"),
    say("Meerkat"),
    say("Mole"),
    say("Mongoose"),
    say("Moose"),
    say("Mussel"),
    say("Narwhal"),
    say("Newt"),
    say("Nightingale"),
    say("Numbat"),
    say("Ocelot"),
    say("Octopus"),
    say("Okapi"),
    say("Opossum"),
    say("Orca"),
    say("Oriole"),
    say("Oryx"),
    say("Osprey"),
    say("Ostrich"),
    say("Otter"),
    say("Owl"),
    say("Oyster"),
    say("Panda"),
    say("Pangolin"),
    say("Panther"),
    say("Parrot"),
    say("Partridge"),
    say("Peacock"),
    say("Pelican"),
    say("Penguin"),
    say("Perch"),
    say("Petrel"),
    say("Pheasant"),
    say("Pika"),
    say("Platypus"),
    say("Plover"),
    say("Pony"),
    say("Porcupine"),
    say("Porpoise"),
    say("Ptarmigan"),
    say("Puffin"),
    say("Quail"),
    say("Quokka"),
    say("Quoll"),
    say("Rabbit"),
    say("Raccoon"),
    say("Raven"),
    say("Reindeer"),
    say("Robin"),
    say("Rook"),
    say("Salamander"),
    say("Salmon"),
    say("Sandpiper"),
    say("Sardine"),
    say("Scallop"),
    say("Seahorse"),
    say("Seal"),
    say("Serval"),
    say("Shark"),
    say("Shrew"),
    say("Shrimp"),
    say("Skink"),
    say("Sparrow"),
    say("Squid"),
    say("Squirrel"),
    say("Starfish"),
    say("Starling"),
    say("Stingray"),
    say("Stoat"),
    say("Stork"),
    say("Sturgeon"),
    say("Sunbird"),
    say("Swallow"),
    say("Swan"),
    say("Swift"),
    say("Swordfish"),
    say("Tapir"),
    say("Tarsier"),
    say("Teal"),
    say("Tern"),
    say("Thrush"),
    say("Tiger"),
    say("Tortoise"),
    say("Toucan"),
    say("Trout"),
    say("Tuna"),
    say("Turtle"),
    say("Vole"),
    say("Wallaby"),
    say("Walrus"),
    say("Warbler"),
    say("Waxwing"),
    say("Whale"),
    say("Wildcat"),
    say("Wolf"),
    say("Wolverine"),
    say("Wombat"),
    say("Woodcock"),
    say("Woodpecker"),
    say("Wren"),
    say("Yak"),
    say("Zebra"),
)


def name_of(run_id: str) -> str:
    """The name of the run of that id; of what is no run's id, its beginning."""
    if not RUN_ID.fullmatch(run_id):
        return run_id[:8]
    return NAMES[int(run_id[:8], 16) % len(NAMES)]


def settings_apart(config: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> list[str]:
    """The settings of a run in which it differs from `other`, by default from the defaults, in a
    few words each.

    >>> settings_apart({"seed": 7, "checkpoint": "owner/model", "dropout": 0.0})
    ['model', 'seed 7']
    >>> settings_apart({"task_name": "own:" + 32 * "0"})
    ['own pairs']
    """
    if other is None:
        other = {name: one.default for name, one in RUN_SETTINGS.items()}
    return [
        _said(name, config[name])
        for name in RUN_SETTINGS
        if name in config and config[name] != other.get(name)
    ]


def _said(name: str, value: Any) -> str:
    if name == "learning_rate":
        return f"lr {_power_of_ten(value)}"
    if name == "max_steps":
        return say_plural("{count} step", "{count} steps", value)
    if name == "batch_size":
        return say("batch of {count}", count=value)
    if name == "task_name":  # whoever follows a run's link reads it
        return TASKS[value].title if value in TASKS else say("own pairs")
    if name in ("checkpoint", "source"):  # the value says what it is
        return str(value).rpartition("/")[2]
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def written_value(name: str, value: Any) -> str:
    """A setting's value as it is written in a run's label.

    >>> written_value("learning_rate", 0.0002), written_value("batch_size", 16)
    ('2e-4', '16')
    """
    if name == "learning_rate":
        return _power_of_ten(value)
    return f"{value:g}" if isinstance(value, float) else str(value).rpartition("/")[2]


def _power_of_ten(value: float) -> str:
    """
    >>> _power_of_ten(2e-4), _power_of_ten(1.5e-5)
    ('2e-4', '1.5e-5')
    """
    exponent = math.floor(math.log10(value))
    return f"{value / 10**exponent:.3g}e{exponent}"


def drawn_id(taken: Collection[str]) -> str:
    """A new run's id, by which nobody can guess another's, with a name that none of the runs
    `taken` has while some name is free.
    """
    names = {name_of(run_id) for run_id in taken}
    for _draw in range(MOST_DRAWS):
        run_id = secrets.token_hex(16)
        if name_of(run_id) not in names:
            break
    return run_id
