"""The few hundred English words that the editor goes by: verbs and their forms, names by kind.

>>> BASE_OF_PAST["rose"], BASE_OF_PAST["planned"], THIRD_PERSON["carries"]
('rise', 'plan', 'carry')
"""


def word_set(text: str) -> set[str]:
    """The words of a text, each once."""
    return set(text.split())


# ---------------------------------------------------------------- verbs

# base, past, participle. A past that is no participle is surely the clause's finite verb
FINITE_PAST = """
    arise arose arisen | awake awoke awoken | become became become | begin began begun | blow
    blew blown | break broke broken | choose chose chosen | come came come | draw drew drawn |
    drive drove driven | eat ate eaten | fall fell fallen | fly flew flown | forget forgot
    forgotten | freeze froze frozen | give gave given | go went gone | grow grew grown | know
    knew known | overcome overcame overcome | overtake overtook overtaken | ride rode ridden |
    rise rose risen | run ran run | see saw seen | shake shook shaken | shrink shrank shrunk |
    sing sang sung | sink sank sunk | speak spoke spoken | steal stole stolen | swear swore
    sworn | swim swam swum | take took taken | tear tore torn | throw threw thrown | wear wore
    worn | withdraw withdrew withdrawn | write wrote written
"""
SAME_PAST = """
    bring brought | build built | buy bought | catch caught | feel felt | fight fought | find
    found | get got | have had | hear heard | hold held | keep kept | lead led | leave left |
    lose lost | make made | mean meant | meet met | pay paid | say said | sell sold | send
    sent | shoot shot | sit sat | spend spent | stand stood | teach taught | tell told | think
    thought | understand understood | win won
"""
REGULAR = """
    accept accuse achieve acquire act add admit adopt agree allow announce appeal appear apply
    appoint approve argue arrest arrive ask attack attend avoid back ban believe belong blame
    block call cancel carry cause change charge claim climb close collapse collect comment
    compete complain complete concede conclude confirm consider continue control convict crash
    create criticize cross cut damage deal decide declare decline decrease defeat defend delay
    deliver demand deny depend deploy describe deserve destroy develop die disappear discover
    discuss doubt drop earn edge emerge employ end endorse enjoy enter escape establish
    estimate evacuate exceed exist expand expect expire explain explode express face fail
    favor fear file finish fire flee focus follow force gain handle happen hire hope identify
    improve include increase indicate inform injure insist intend introduce invade invest
    invite involve issue join jump kick kill lack land last launch lift like live look love
    maintain manage matter merge miss move murder name narrow need negotiate note notice
    notify obtain occur offer open operate oppose order own pass perform persuade place plan
    play plead pledge plunge predict prefer prepare present pressure prevent produce promise
    propose prosecute protect prove provide publish pull push question quit raise rally reach
    realize recall receive recommend recover reduce refuse reject release rely remain remember
    remove repeat replace reply report represent request require resign resolve respond return
    reveal review rule sail save schedule score secure seek seem seize sentence serve settle
    share sign slip slow soar start stay stop strike suffer suggest sue support surge surprise
    surrender survive suspect suspend target testify threaten trade train transfer travel
    treat trigger try tumble turn urge use value visit vote vow wait walk want warn watch
    weaken widen wish work worry
"""
# Pasts that are seldom participles after a noun: "the man arrested in May" is, "died" never
INTRANSITIVE = """
    agreed argued arrived appeared belonged climbed collapsed competed complained decided
    declined died disappeared emerged escaped exploded failed happened hoped insisted intended
    jumped lasted occurred pleaded plunged rallied refused relied remained replied resigned
    responded seemed slipped soared surged surrendered survived testified tumbled vowed waited
    wanted warned worried sat stood
""".split()
SPEECH = """
    say tell add announce report note explain reply suggest believe think argue insist warn
    claim
""".split()
DOUBLED = {"admit", "ban", "drop", "occur", "plan", "prefer", "slip", "stop", "transfer"}
DOUBLED_IN_ING = word_set("sit get run win swim begin cut quit forget")
NOT_REGULAR = {
    "cut": "cut",
    "deal": "dealt",
    "flee": "fled",
    "quit": "quit",
    "seek": "sought",
    "strike": "struck",
}


def _past(base: str) -> str:
    if base in NOT_REGULAR:
        return NOT_REGULAR[base]
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + (base[-1] if base in DOUBLED else "") + "ed"


def _third(base: str) -> str:
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def _ing(base: str) -> str:
    if base in DOUBLED | DOUBLED_IN_ING:
        return base + base[-1] + "ing"
    silent = base.endswith("e") and not base.endswith("ee")
    return base[:-1] + "ing" if silent else base + "ing"


def _rows(table: str) -> list[list[str]]:
    """'rise rose risen | fall fell fallen' -> [[rise, rose, risen], [fall, fell, fallen]]"""
    return [row.split() for row in table.split("|")]


FINITE = {past: base for base, past, _participle in _rows(FINITE_PAST)}
IRREGULAR = {past: base for base, past in _rows(SAME_PAST)}
BASE_OF_PAST = {**{_past(base): base for base in REGULAR.split()}, **IRREGULAR, **FINITE}
BASES = {*BASE_OF_PAST.values()} - {"have"}
THIRD_PERSON = {_third(base): base for base in BASES}
PARTICIPLES = {
    *(row[2] for row in _rows(FINITE_PAST)),
    *IRREGULAR,
    *(_past(base) for base in REGULAR.split()),
    "been",
    "done",
    "cut",
    "put",
    "set",
    "hit",
    "shown",
}
# Any form of a verb -> its base, so that sat, sits and sitting are seen to be one
BASE_OF = {form: base for base in BASES for form in (base, _third(base), _ing(base))}
BASE_OF |= {participle: base for base, _past, participle in _rows(FINITE_PAST)} | BASE_OF_PAST
# "had limited success": not what somebody has done
ADJECTIVES_IN_ED = word_set("""
    limited mixed renewed increased reduced related combined advanced detailed unlimited added
    armed experienced repeated continued sacred naked hundred needed red bed
""")

# ---------------------------------------------------------------- up and down

# Words that say up, and words that say down: of all these an edit turns one round, if it is alone
UP = word_set("""
    rose rise rises risen rising increase increased increases increasing gain gained gains gaining
    climbed climb climbing jumped jump jumping surged surge soared soar advanced rallied rally grew
    grow growing grown growth up higher highest added improved improve improvement raised raise
    stronger strengthened record better boost boosted profit rebound rebounded
""")
DOWN = word_set("""
    fell fall falls fallen falling decrease decreased decreases decreasing loss losses lost dropped
    drop drops dropping plunged plunge declined decline declining declines down lower lowest slipped
    slip slid slide tumbled tumble shed sank sink worsened weaker weakened cut reduced reduce worse
    off eased easing slumped slump shrank
""")

# ---------------------------------------------------------------- small words

DETERMINERS = word_set("""
    a an the this that these those its his her their our my your every each some any no
    another
""")
PREPOSITIONS = word_set("""
    of in on at by for with from to into onto over under about against between through during
    without within upon toward towards via per despite among amid across like behind beyond
    near around than
""")
SUBJECTS = word_set("he she they we i who")
PRONOUNS = {*SUBJECTS, "it", "you", "there"}
# A clause that such a word opens isn't claimed: denying it says little
SUBORDINATE = word_set("""
    whether if unless than as when whenever while after before until till since once how why
    where what whatever wherever lest whose whom though although provided so because
""")
NEGATIVE = word_set("""
    not no never none nobody nothing nowhere neither nor without hardly barely scarcely rarely
    seldom few cannot dont doesnt didnt isnt wasnt wont little unable
""")
# "not" before one of these reads oddly, or denies only that word
NO_NOT_BEFORE = word_set("""
    also only still already just even too almost nearly so such all both either some somewhat
    several sometimes often always probably perhaps maybe once twice ever then there here
    however therefore certainly clearly apparently reportedly allegedly presumably largely
    mostly mainly partly actually indeed currently now later finally initially previously
    recently subsequently eventually formerly originally reportedly simply merely possibly
    surely undoubtedly obviously instead meanwhile rather quite pretty well soon much many
    most virtually roughly approximately essentially thus again yet therefore otherwise
    nonetheless nevertheless as
""")

# Words with a capital at the start of a sentence or a quotation that are no names
FUNCTION_WORDS = {
    *DETERMINERS,
    *PREPOSITIONS,
    *PRONOUNS,
    *SUBORDINATE,
    *NEGATIVE,
    *NO_NOT_BEFORE,
    *word_set("""
    and or but because however all more less most many two three four five six seven eight
    nine ten one both other last first second third late early today yesterday tomorrow
    meanwhile according is are was were will would can could has have had do does did should
    must may might yes officials police shares out off up down sources it's be been being then
    them him me us mine yours himself herself itself themselves
"""),
}

# ---------------------------------------------------------------- names

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """
    January February March April May June July August September October November December
""".split()
SHORT_MONTHS = ["Jan", "Feb", "Aug", "Sept", "Oct", "Nov", "Dec"]
QUARTERS = ["first", "second", "third", "fourth"]

MEN = """
    Adam Al Alan Albert Alex Alexander Andrew Anthony Arnold Arthur Barry Ben Benjamin Bill
    Bob Brian Bruce Carl Charles Chris Christopher Chuck Craig Dan Daniel Dave David Dennis
    Don Donald Doug Douglas Edward Eric Eugene Frank Fred Gary Geoffrey George Gerald Gerhard
    Gordon Greg Gregory Harold Harry Henry Howard Hugh Ian Jack Jacques James Jason Jeff
    Jeffrey Jeremy Jerry Jim Jimmy Joe John Jonathan Jose Joseph Juan Justin Keith Ken Kenneth
    Kevin Larry Lee Leonard Louis Luis Mark Martin Matt Matthew Michael Mike Mohammed Nicholas
    Oliver Patrick Paul Pedro Peter Phil Philip Phillip Ralph Raymond Richard Rick Robert
    Roger Ron Ronald Roy Russell Ryan Samuel Scott Sean Simon Stan Stephen Steve Steven Stuart
    Ted Terry Thomas Tim Timothy Todd Tom Tommy Tony Victor Vincent Vladimir Walter Warren
    Wayne William
""".split()
WOMEN = """
    Alice Amy Andrea Angela Ann Anna Anne Annette Barbara Beth Betty Carol Caroline Catherine
    Christine Cindy Condoleezza Cynthia Deborah Debra Diana Diane Donna Dorothy Elizabeth
    Ellen Emily Emma Erin Frances Gloria Hannah Heather Helen Hillary Jane Janet Jean Jennifer
    Jessica Jill Joan Joanne Judith Judy Julia Julie Karen Kate Katherine Kathleen Kathy Kelly
    Kimberly Laura Lauren Linda Lisa Lorna Lynn Margaret Maria Marie Marilyn Martha Mary
    Maureen Melissa Michelle Monica Nancy Nicole Nora Pamela Patricia Rachel Rebecca Rita
    Robin Rosemary Ruth Sally Sandra Sara Sarah Sharon Sheila Shirley Sophie Stephanie Susan
    Teresa Tina Valerie Vanessa Wendy
""".split()
NEW_MEN = [
    "Daniel Carter",
    "Peter Lindgren",
    "Martin Fischer",
    "Samuel Okafor",
    "Victor Moretti",
    "Luis Herrera",
]
NEW_WOMEN = [
    "Helen Carter",
    "Nora Lindgren",
    "Julia Fischer",
    "Grace Okafor",
    "Sofia Moretti",
    "Laura Herrera",
]
NEW_SURNAMES = ["Carter", "Lindgren", "Fischer", "Okafor", "Moretti", "Herrera", "Haddad", "Nguyen"]
TITLES = word_set("Mr Mrs Ms Dr Sen Senator Gov Rep Judge President")
OFFICES = {
    *TITLES,
    *"""
    Executive Officer Minister Secretary Justice Chief Spokesman Spokeswoman Chairman
    Chairwoman Commissioner Attorney General Leader Director Professor Prof Mayor Governor
    Prince Princess Congressman Congresswoman Representative Ambassador Captain Capt Colonel
    Col Lieutenant Lt Sergeant Sgt Major Maj Gen Commander Commodore Admiral Detective
    Chancellor Premier Speaker Sheriff Coach Manager Analyst Economist Engineer Treasurer
    Comptroller Inspector Bishop Archbishop Rev Sir Then
""".split(),
}
NOT_SURNAMES = word_set("""
    Department Office Court Council Committee Corp Inc Co Company Association Institute
    University Hotel Airport Center Centre Street Hospital College School Bank Fund Group Act
    Award Party House General Jr Sr Family Doe Hood Beach Lake River Bay Springs Falls Hill
    Hills Valley Mountain Creek Field Forest Square Bridge Tower Prize Foundation Library
    Building Stadium Park Island County City Express Advocate
""")

COMPANY_ENDINGS = word_set("Corp Inc Co Ltd Plc")
NEW_COMPANIES = ["Northgate", "Halden", "Tessara", "Brightwater"]


def _listed(places: str) -> list[str]:
    return [" ".join(place.split()) for place in places.split(",")]


# By region, so that the place put in could be meant
COUNTRIES = [
    """
    Afghanistan, Egypt, Iran, Iraq, Israel, Kuwait, Lebanon, Libya, Pakistan, Saudi Arabia,
    Syria, Turkey, Yemen
""",
    """
    Austria, Belgium, Denmark, Finland, France, Germany, Greece, Hungary, Ireland, Italy,
    Norway, Poland, Portugal, Russia, Spain, Sweden, Switzerland, Ukraine
""",
    """
    Australia, China, India, Indonesia, Japan, Malaysia, North Korea, Singapore, South Korea,
    Taiwan, Thailand, Vietnam
""",
    "Argentina, Brazil, Canada, Chile, Colombia, Cuba, Mexico, Peru, Venezuela",
    "Kenya, Liberia, Morocco, Nigeria, South Africa, Sudan, Uganda, Zimbabwe",
]
STATES = """
    Alabama, Alaska, Arizona, Arkansas, California, Colorado, Connecticut, Delaware, Florida,
    Hawaii, Idaho, Illinois, Indiana, Iowa, Kansas, Kentucky, Louisiana, Maine, Maryland,
    Massachusetts, Michigan, Minnesota, Mississippi, Missouri, Montana, Nebraska, Nevada, New
    Hampshire, New Jersey, New Mexico, North Carolina, North Dakota, Ohio, Oklahoma, Oregon,
    Pennsylvania, Rhode Island, South Carolina, South Dakota, Tennessee, Texas, Utah, Vermont,
    West Virginia, Wisconsin, Wyoming
"""
CITIES = [
    """
    Atlanta, Baltimore, Boston, Chicago, Cincinnati, Cleveland, Dallas, Denver, Detroit,
    Houston, Los Angeles, Memphis, Miami, Milwaukee, New Orleans, New York, Philadelphia,
    Pittsburgh, San Diego, San Francisco, Seattle
""",
    """
    Amsterdam, Berlin, Brussels, Dublin, Frankfurt, Geneva, London, Madrid, Moscow, Munich,
    Oslo, Paris, Prague, Rome, Stockholm, Vienna, Warsaw, Zurich
""",
    "Baghdad, Basra, Cairo, Istanbul, Jerusalem, Kabul, Mosul, Riyadh, Tehran",
    """
    Bangkok, Beijing, Hong Kong, Jakarta, Karachi, Manila, Melbourne, Seoul, Shanghai, Sydney,
    Tokyo
""",
    "Ottawa, Toronto, Vancouver",
]
NATIONS = """
    American British French German Canadian Japanese Chinese Russian Turkish Pakistani Mexican
    Spanish Italian Australian Cuban Iraqi Iranian Israeli Palestinian Egyptian Swedish
    Brazilian
""".split()
PEOPLES = """
    Americans Germans Canadians Russians Mexicans Italians Australians Iraqis Iranians
    Israelis Palestinians Cubans
""".split()
PLACES = [*(_listed(places) for places in (*COUNTRIES, *CITIES, STATES)), NATIONS, PEOPLES]

# ---------------------------------------------------------------- who does what to whom

# Verbs of which "A verbs B" never says the same as "B verbs A", without their endings
ONE_WAY = """
    accus acquir appoint arrest attack back beat blam buy bought convict criticiz criticis
    defeat employ endors fir fund hir invad kill murder own paid pay praise prais promot
    replac rescu shot sponsor succeed su support taught teach tell told took over urg warn
    outsold overtook ask thank
""".split()
MOTION = word_set("""
    moved move moving flew fly flying flown traveled travelled travel traveling travelling
    went go going gone drove drive driving driven sent send sending shipped ship shipping fled
    flee fleeing sailed sail sailing walked walk returned return returning transferred
    transfer extradited deported relocated relocate relocating
""")
# "A's … over B"
DEEDS = {
    ("bid", "for"),
    ("offer", "for"),
    ("takeover", "of"),
    ("acquisition", "of"),
    ("purchase", "of"),
    ("attack", "on"),
    ("attacks", "on"),
    ("invasion", "of"),
    ("lawsuit", "against"),
    ("suit", "against"),
    ("victory", "over"),
    ("win", "over"),
    ("criticism", "of"),
    ("support", "for"),
    ("occupation", "of"),
}
