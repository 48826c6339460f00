"""The editor: a table of sentences in MRPC's constructions, each with its right edit, or None.

The sentences were written for this test. Their constructions, and the mistakes that must not come back, are those of some
1,000 edits of MRPC that were read one by one.
"""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edits import english
from pipeline.edits.editor import KINDS, changed_pair, edit
from pipeline.errors import InputError
from tests.conftest import ROOT

# (kind, a sentence, the sentence that it becomes, or None where no change is sure)
EDITS = [
    (
        "negate",
        "The ferry was cancelled because of fog.",
        "The ferry was not cancelled because of fog.",
    ),
    ("negate", "The shop is open on Sundays.", "The shop is not open on Sundays."),
    (
        "negate",
        "Two bridges were closed for the winter.",
        "Two bridges were not closed for the winter.",
    ),
    ("negate", "The twins are in Lisbon this week.", "The twins are not in Lisbon this week."),
    ("negate", "The mayor is a former teacher.", "The mayor is not a former teacher."),
    (
        "negate",
        "The court will hear the appeal in June.",
        "The court will not hear the appeal in June.",
    ),
    ("negate", "The pilot could see the runway.", "The pilot could not see the runway."),
    ("negate", "The bank can raise its fees.", "The bank cannot raise its fees."),
    ("negate", "The vaccine would protect travelers.", "The vaccine would not protect travelers."),
    (
        "negate",
        "The council should publish the report.",
        "The council should not publish the report.",
    ),
    ("negate", "Guests must leave by noon.", "Guests must not leave by noon."),
    ("negate", "The team has reached the summit.", "The team has not reached the summit."),
    ("negate", "The senator had signed the letter.", "The senator had not signed the letter."),
    ("negate", "The museum has been restored.", "The museum has not been restored."),
    ("negate", "The firm has 800 employees.", "The firm does not have 800 employees."),
    (
        "negate",
        "The firm has a plan for the strike.",
        "The firm does not have a plan for the strike.",
    ),
    ("negate", "The board had the final say.", "The board did not have the final say."),
    ("negate", "They have a boat in the harbor.", "They do not have a boat in the harbor."),
    ("negate", "She had to sell the farm.", "She did not have to sell the farm."),
    ("negate", "The river rose after the storm.", "The river did not rise after the storm."),
    ("negate", "Prices fell by a third.", "Prices did not fall by a third."),
    ("negate", "The minister resigned on Tuesday.", "The minister did not resign on Tuesday."),
    (
        "negate",
        "The committee agreed to meet in Oslo.",
        "The committee did not agree to meet in Oslo.",
    ),
    ("negate", "The train arrived in Ghent at dawn.", "The train did not arrive in Ghent at dawn."),
    ("negate", "Her father died in 1994.", "Her father did not die in 1994."),
    ("negate", "He announced the merger on Friday.", "He did not announce the merger on Friday."),
    ("negate", "She denied the charges.", "She did not deny the charges."),
    ("negate", "They plan a strike in May.", "They do not plan a strike in May."),
    ("negate", "He says the bridge is safe.", "He says the bridge is not safe."),
    (
        "negate",
        "Police said the man carried a knife.",
        "Police did not say the man carried a knife.",
    ),
    ("negate", "Halden Corp. raised its forecast.", "Halden Corp. did not raise its forecast."),
    (
        "negate",
        "The singer, who was born in Peru, lives in Rome.",
        "The singer, who was not born in Peru, lives in Rome.",
    ),
    (
        "negate",
        "The suspect, a former clerk, was arrested in Turin.",
        "The suspect, a former clerk, was not arrested in Turin.",
    ),
    (
        "negate",
        "The chemist, 34, was found in the garden.",
        "The chemist, 34, was not found in the garden.",
    ),
    (
        "negate",
        '"I\'m proud of the team," the coach said.',
        '"I\'m not proud of the team," the coach said.',
    ),
    ("negate", "We 're ready for the vote .", "We 're not ready for the vote ."),
    ("negate", "They've closed the road.", "They have not closed the road."),
    (
        "negate",
        '"We\'ll appeal the verdict," the lawyer said.',
        '"We will not appeal the verdict," the lawyer said.',
    ),
    (
        "negate",
        "The hikers were cold, tired and hungry.",
        "The hikers were not cold, tired and hungry.",
    ),
    (
        "negate",
        "The tax was higher than was expected.",
        "The tax was not higher than was expected.",
    ),
    ("negate", "The guard could not open the gate.", None),
    ("negate", "You can't park here.", None),
    ("negate", "The clerk didn't sign the form.", None),
    ("negate", "They had no plans to sell.", None),
    ("negate", "She was never told.", None),
    ("negate", "Nobody was hurt.", None),
    ("negate", "Hardly anyone was there.", None),
    ("negate", "The jury could n't agree .", None),
    ("negate", "Is the road open?", None),
    ("negate", "Whether the dam is safe, engineers refuse to say.", None),
    ("negate", "If the ice is thin, the race moves inland.", None),
    ("negate", "The firm also has a plant in Kent.", None),
    ("negate", "There was a fire.", None),
    ("negate", "It is only a drill.", None),
    ("negate", "The deal was still open.", None),
    (
        "negate",
        '"The storm is over," said Mayor Brandt.',
        '"The storm is not over," said Mayor Brandt.',
    ),
    ("negate", "Prices rose, the agency said.", None),
    ("negate", "The old can was empty.", None),
    ("negate", "The will was read on Monday.", None),
    ("negate", "The report said nothing new.", None),
    ("negate", "Four were killed and 50 injured.", None),
    ("negate", "Also missing was a painting by Klee.", None),
    (
        "negate",
        "He knew the answer when he was asked.",
        "He did not know the answer when he was asked.",
    ),
    ("negate", "That is the best meal we have had.", None),
    ("number", "The fund lost 12 percent.", "The fund lost 29 percent."),
    ("number", "The fund lost 98 percent in a year.", "The fund lost 59 percent in a year."),
    ("number", "The bond pays 3.5 percent.", "The bond pays 8.1 percent."),
    ("number", "The hotel has 240 rooms.", "The hotel has 400 rooms."),
    ("number", "The stadium holds 41,500 people.", "The stadium holds 57,700 people."),
    ("number", "The house sold for $385,000.", "The house sold for $260,000."),
    ("number", "The merger is worth $3.2 billion.", "The merger is worth $5.0 billion."),
    ("number", "Two climbers were rescued.", "Seven climbers were rescued."),
    ("number", "The crew spent six days on the ice.", "The crew spent three days on the ice."),
    ("number", "The treaty was signed in 1987.", "The treaty was signed in 1979."),
    ("number", "The plant will open by 2031.", "The plant will open by 2039."),
    ("number", "The fair opens on March 14.", "The fair opens on March 21."),
    ("number", "The concert is on May 21st.", "The concert is on May 8th."),
    ("number", "The parade starts at 9:30 a.m.", "The parade starts at 6:30 a.m."),
    ("number", "The shop opens at 8 a.m.", "The shop opens at 4 a.m."),
    ("number", "Marta Lenz, 52, won the race.", "Marta Lenz, 37, won the race."),
    ("number", "An 18-year-old sailor won.", None),
    ("number", "A 14-year-old sailor won.", "A 10-year-old sailor won."),
    ("number", "The dam held for 30 days.", "The dam held for 40 days."),
    ("number", "Twelve of the 15 jurors agreed.", "Five of the 15 jurors agreed."),
    (
        "number",
        "The rate rose from 3 percent to 5 percent.",
        "The rate rose from 3 percent to 8 percent.",
    ),
    ("number", "Between 5 and 9 people were inside.", "Between 5 and 6 people were inside."),
    ("number", "About 7 to 125 birds nest here.", "About 7 to 253 birds nest here."),
    ("number", "The choir sang for a 30-day tour.", "The choir sang for a 20-day tour."),
    ("number", "The 9th Circuit upheld the ban.", None),
    ("number", "The Nasdaq 100 index fell.", None),
    ("number", "Windows 2000 is old.", None),
    ("number", "He called 911.", None),
    ("number", "The shop is open 24 hours a day.", None),
    ("number", "The vote was 5-4.", None),
    ("number", "The score was 3 - 2.", None),
    ("number", "BlueCore3 is a chip.", None),
    ("number", "He was hurt on Sept. 11.", None),
    ("number", "The chapter 11 filing surprised creditors.", None),
    ("number", "One man was hurt.", None),
    ("number", "The price rose 1 percent.", "The price rose 3 percent."),
    ("number", "One or two boats sank.", None),
    ("number", "The two sides met.", None),
    ("number", "Two were held, one in Oslo and one in Bergen.", None),
    ("number", "The boat has no number.", None),
    ("number", "Tower 7 burned.", None),
    ("date", "The strike began on Monday.", "The strike began on Tuesday."),
    ("date", "The fair closes on Sunday.", "The fair closes on Tuesday."),
    ("date", "The tunnel opened in March.", "The tunnel opened in November."),
    ("date", "The bishop died on Feb. 9.", "The bishop died on Jan. 9."),
    ("date", "The race was held on August 31.", "The race was held on March 31."),
    ("date", "Profits fell in the third quarter.", "Profits fell in the fourth quarter."),
    ("date", "Its second-quarter sales grew.", "Its first-quarter sales grew."),
    ("date", "She may go in May.", None),
    ("date", "You may go home.", None),
    ("date", "The shops open on Black Friday.", None),
    ("date", "The pact was signed on Monday, May 19.", None),
    ("date", "It rained from June to August.", None),
    ("date", "The attacks of September 11 changed it.", None),
    ("date", "They met on Monday or Tuesday.", None),
    ("date", "They march in the rain.", None),
    ("date", "On Monday and on Monday again they met.", None),
    ("name", "The flight to Chicago was late.", "The flight to Atlanta was late."),
    ("name", "Troops left Iraq in May.", "Troops left Saudi Arabia in May."),
    ("name", "The bus to New York broke down.", "The bus to Dallas broke down."),
    ("name", "The New York Times reported it.", None),
    ("name", "She studied at the University of Texas.", None),
    ("name", "The police in Boston, Massachusetts, found it.", None),
    ("name", "Anna Weber won the prize.", "Nora Lindgren won the prize."),
    ("name", "The chemist John B. Miller retired.", "The chemist Samuel Okafor retired."),
    ("name", "Mr. Schmidt bought the farm.", "Mr. Carter bought the farm."),
    ("name", "President Kovac signed the law.", "President Fischer signed the law."),
    ("name", "Acme Widgets Corp. cut its forecast.", "Brightwater Corp. cut its forecast."),
    ("name", "General Electric Co. is hiring.", "Halden Co. is hiring."),
    ("name", "Two Canadian tourists were lost.", "Two Pakistani tourists were lost."),
    ("name", "An Italian painter lives here.", "An Iranian painter lives here."),
    ("name", "A French painter lives here.", "A Brazilian painter lives here."),
    ("name", "The African American voters waited.", None),
    ("name", "All of a sudden the lights failed.", None),
    ("name", '" All of a sudden it was dark , " she said .', None),
    ("name", '" For the same reason we left , " he said .', None),
    ("name", "The dollar rose 3 Canadian cents.", None),
    ("name", "The Iraqi army left Iraq.", None),
    ("name", "The Brown family moved.", None),
    ("name", "The United Nations met.", None),
    ("name", "Robin Hood is a legend.", None),
    ("name", "Ira Lee Sorkin spoke.", None),
    ("name", "Linda Miller, Miller's daughter, spoke.", None),
    ("name", "Virginia Beach is windy.", None),
    ("name", "The report came on Friday.", None),
    (
        "roles",
        "On Monday Alice Smith paid Bob 12 dollars.",
        "On Monday Bob paid Alice Smith 12 dollars.",
    ),
    ("roles", "Oracle sued Halden in May.", "Halden sued Oracle in May."),
    ("roles", "Oracle has sued Halden.", "Halden has sued Oracle."),
    ("roles", "Oracle was sued by Halden.", "Halden was sued by Oracle."),
    ("roles", "Brandt was accused by Lenz of fraud.", "Lenz was accused by Brandt of fraud."),
    (
        "roles",
        "Halden 's $ 7 billion bid for Tessara failed .",
        "Tessara 's $ 7 billion bid for Halden failed .",
    ),
    ("roles", "The family moved from Paris to Rome.", "The family moved from Rome to Paris."),
    ("roles", "Lenz said Brandt was guilty.", "Brandt said Lenz was guilty."),
    (
        "roles",
        "Lenz told Brandt that the vote was lost.",
        "Brandt told Lenz that the vote was lost.",
    ),
    ("roles", "Spain beat Portugal.", "Portugal beat Spain."),
    ("roles", "Spain lost to Portugal.", "Portugal lost to Spain."),
    ("roles", "The United States attacked Iraq.", "Iraq attacked the United States."),
    ("roles", "Mr. Lenz said that Mr. Brandt had lied.", "Mr. Brandt said that Mr. Lenz had lied."),
    ("roles", "Italy and France signed the pact.", None),
    ("roles", "Ann met Bob in Vienna.", None),
    ("roles", "Ann and Bob sued.", None),
    ("roles", "Ann married Bob.", None),
    ("roles", "Ann, Bob and Carl won.", None),
    ("roles", "Ann Miller and Tom Weber won.", None),
    ("roles", "The activist Marc Lenz sued Nike.", None),
    ("roles", "The border between Spain and Portugal is open.", None),
    ("roles", "The road from Paris to Rome is long.", None),
    ("roles", "Paris is 300 miles from London.", None),
    ("roles", "Lenz blamed Congress leaders.", None),
    ("roles", "The shop closed.", None),
    ("roles", "Jones Dow fell.", None),
    ("opposite", "Shares rose 3 percent.", "Shares fell 3 percent."),
    ("opposite", "Shares fell 3 percent.", "Shares rose 3 percent."),
    ("opposite", "Shares were up 4 cents.", "Shares were down 4 cents."),
    ("opposite", "The index closed down 12 points.", "The index closed up 12 points."),
    ("opposite", "Sales increased in May.", "Sales decreased in May."),
    ("opposite", "An increase in wages is planned.", "A decrease in wages is planned."),
    ("opposite", "A decrease of 4 percent is planned.", "An increase of 4 percent is planned."),
    ("opposite", "More than 200 people came.", "Fewer than 200 people came."),
    (
        "opposite",
        "The firm has more than 200 staff members.",
        "The firm has fewer than 200 staff members.",
    ),
    ("opposite", "The house cost more than $200.", "The house cost less than $200."),
    ("opposite", "At least 12 died.", "At most 12 died."),
    ("opposite", "They signed at least 12 deals.", "They signed at most 12 deals."),
    ("opposite", "He pleaded guilty to fraud.", "He pleaded innocent to fraud."),
    (
        "opposite",
        "The bank posted a net loss of $ 3 million .",
        "The bank posted a net profit of $ 3 million .",
    ),
    ("opposite", "She left before the match ended.", "She left after the match ended."),
    ("opposite", "He resigned after the vote.", "He resigned before the vote."),
    ("opposite", "The crowd stood before the palace.", None),
    ("opposite", "He was named after his uncle.", None),
    ("opposite", "After all, it works.", None),
    ("opposite", "The bomb went off outside the station.", "The bomb went off inside the station."),
    ("opposite", "The town lies north of Oslo.", "The town lies south of Oslo."),
    ("opposite", "Rebels hold the northern port.", "Rebels hold the southern port."),
    ("opposite", "The board rejected the offer.", "The board accepted the offer."),
    ("opposite", "The bid was rejected as too low.", None),
    ("opposite", "The union agreed to end the strike.", "The union refused to end the strike."),
    ("opposite", "The mayor supports the plan.", None),
    ("opposite", "Critics are opposed to the plan.", None),
    ("opposite", "The talks begin early Tuesday.", "The talks begin late Tuesday."),
    ("opposite", "Earnings were better than forecast.", "Earnings were worse than forecast."),
    ("opposite", "The lower house voted.", None),
    ("opposite", "The drug can lower the risk.", None),
    ("opposite", "It is the largest park in Spain.", "It is the smallest park in Spain."),
    ("opposite", "Shares rose to $5 from $4.", None),
    ("opposite", "Shares rose while bonds fell.", None),
    ("opposite", "Shares did not rise.", None),
    ("opposite", "A rose grew by the wall.", None),
    ("opposite", "The fall was mild.", None),
    ("opposite", "He won the race.", "He lost the race."),
    ("opposite", "The film won praise.", None),
    ("opposite", "The miners were found alive.", "The miners were found dead."),
    ("opposite", "The yield rose as high as 4.6 percent.", None),
    ("negate", "She had only a single condition.", None),
    ("negate", "The plan has still not been signed.", None),
    ("negate", "He also wrote a book.", None),
    ("negate", "The road cannot be used.", None),
    ("negate", "He can't swim and can't drive.", None),
    ("negate", "The council has approved the budget.", "The council has not approved the budget."),
    ("negate", "The senator has limited time.", None),
    ("negate", "What was said is not known.", None),
    ("negate", "The engine, critics say, is too loud.", None),
    (
        "negate",
        "The waiter told the guests that the fish was fresh.",
        "The waiter told the guests that the fish was not fresh.",
    ),
    ("negate", '"It is late," he told them in Rome.', '"It is not late," he told them in Rome.'),
    (
        "negate",
        "The firm that owns the mill went bankrupt.",
        "The firm that owns the mill did not go bankrupt.",
    ),
    ("negate", "Then came the flood.", None),
    ("negate", "The deal, announced by the bank, is dead.", None),
    ("number", "In 1409 the abbey burned.", "In 1402 the abbey burned."),
    ("number", "In January 2009 the bank failed.", "In January 2002 the bank failed."),
    ("number", "The rent rose 0.5 percent.", "The rent rose 0.8 percent."),
    ("number", "A $15 ticket is enough.", "A $23 ticket is enough."),
    ("number", "It took 2 hours.", "It took 4 hours."),
    ("number", "The bridge is 1,250 feet long.", "The bridge is 3,340 feet long."),
    ("number", "She lives at 5 Elm Street.", None),
    ("number", "Some 30,000 people fled.", "Some 60,000 people fled."),
    ("date", "Talks resume next Wednesday.", "Talks resume next Monday."),
    (
        "date",
        "Profits rose in the fourth quarter of 2003.",
        "Profits rose in the second quarter of 2003.",
    ),
    (
        "date",
        "The verdict came on Friday, Judge Kovac said.",
        "The verdict came on Wednesday, Judge Kovac said.",
    ),
    (
        "name",
        "Bridges in New York, New Jersey and Ohio closed.",
        "Bridges in New York, New Jersey and Mississippi closed.",
    ),
    ("name", "The Fisher Price toy was recalled.", None),
    ("name", 'The "Robin Hood" plan failed.', None),
    ("name", "He left Washington.", None),
    ("name", "Mary Weber's brother sings.", None),
    ("name", "Justice Antonin Scalia dissented.", None),
    ("name", "United Airlines canceled flights.", None),
    ("roles", '" For the same reason Dell sued Hynix .', None),
    ("roles", "Samuels Marlon won gold.", None),
    ("roles", "New orders index fell.", None),
    ("roles", "Dow Jones rose.", None),
    ("roles", "The town lies between Lyon and Paris.", None),
    ("roles", "Maria Lenz flew from Oslo to Bergen.", "Maria Lenz flew from Bergen to Oslo."),
    (
        "roles",
        "Anna Weber, a nurse, said that Maria Lenz stole the money.",
        "Maria Lenz, a nurse, said that Anna Weber stole the money.",
    ),
    ("roles", "Troops from Spain joined troops from Italy.", None),
    ("roles", "Tom Weber is Anna Lenz's brother.", None),
    ("opposite", "The ship left before dawn.", "The ship left after dawn."),
    ("opposite", "The team led by more than 20 points.", "The team led by less than 20 points."),
    ("opposite", "Workers earn less than $9 an hour.", "Workers earn more than $9 an hour."),
    ("opposite", "The judge accepted the plea.", "The judge rejected the plea."),
    ("opposite", "It only agreed to talk.", None),
    ("opposite", "The dog is one of the smaller breeds.", "The dog is one of the larger breeds."),
    (
        "opposite",
        "An increasing number of ships call here.",
        "A decreasing number of ships call here.",
    ),
    ("opposite", "The vote comes a day after the ban.", None),
    ("opposite", "The lake froze early in the month.", "The lake froze late in the month."),
    ("opposite", "The bill went unnoticed until after the vote.", None),
    (
        "opposite",
        "Ministers failed to agree on a budget.",
        "Ministers managed to agree on a budget.",
    ),
    ("opposite", "Wages rose faster than prices.", "Wages rose slower than prices."),
    (
        "opposite",
        "It was the worst storm in more than a year.",
        "It was the worst storm in less than a year.",
    ),
    ("opposite", "Sales fell from a high of 14 million in April to 10 million in June.", None),
    ("opposite", "The council accepted the plan.", "The council rejected the plan."),
    (
        "negate",
        "The clerk said the mail would arrive on Monday.",
        "The clerk said the mail would not arrive on Monday.",
    ),
    ("negate", "The cat sat on the mat.", "The cat did not sit on the mat."),
    ("negate", "Fares were up 3 percent.", "Fares were not up 3 percent."),
]


@pytest.mark.parametrize("kind, sentence, expected", EDITS)
def test_the_table(kind, sentence, expected):
    assert edit(kind, sentence) == expected


def test_the_table_has_every_kind_both_ways():
    kinds = Counter((kind, expected is None) for kind, _sentence, expected in EDITS)
    assert len(EDITS) >= 250 and len({(kind, sentence) for kind, sentence, _ in EDITS}) == len(
        EDITS
    )
    for kind in set(KINDS) - {"shuffle"}:
        assert kinds[kind, True] >= 8 and kinds[kind, False] >= 8, kind


# ---------------------------------------------------------------- only what both sentences say

# (kind, the sentence to change, the one that says the same, the changed sentence or None)
PAIRS = [
    (
        "number",
        "The ferry carried 40 people on Monday.",
        "On Monday 40 people were on the ferry.",
        True,
    ),
    ("number", "The ferry carried 40 people on Monday.", "The ferry ran on Monday.", False),
    ("number", "Two climbers were rescued.", "Rescuers found 2 climbers.", True),
    ("number", "The fund lost 12 percent, or $3 million.", "The fund lost 12 percent.", True),
    ("date", "The strike began on Monday.", "On Monday the strike began.", True),
    ("date", "The strike began on Monday.", "The strike has begun.", False),
    ("date", "Its second-quarter sales grew.", "Sales grew in the second quarter.", True),
    ("name", "Anna Weber won the prize in Oslo.", "The prize went to Weber.", True),
    ("name", "The prize was awarded in Oslo.", "The prize was awarded in Norway.", False),
    (
        "negate",
        "The ferry was cancelled because of fog.",
        "Fog led the firm to cancel the ferry.",
        True,
    ),
    ("negate", "The ferry, which is old, left at noon.", "The ferry left at noon.", False),
    ("negate", "The ferry was cancelled.", "The ferry did not run.", False),
    ("opposite", "Shares rose 3 percent.", "Shares were up 3 percent.", True),
    ("opposite", "Shares rose 3 percent.", "Shares gained in a market that fell.", False),
    ("opposite", "The house cost more than $200.", "The house cost $200.", False),
    ("roles", "Oracle sued Halden in May.", "In May Halden was sued by Oracle.", True),
    ("roles", "Oracle sued Halden in May.", "Halden was sued in May.", False),
]


@pytest.mark.parametrize("kind, sentence, other, possible", PAIRS)
def test_only_what_the_other_sentence_says_too_is_changed(kind, sentence, other, possible):
    assert (edit(kind, sentence, other) is not None) == possible
    assert edit(kind, sentence) is not None, "without another sentence anything may be changed"


def test_the_number_that_both_have_is_the_one_changed():
    changed = edit(
        "number", "The fund lost 12 percent, or $3 million.", "The fund lost 12 percent."
    )
    assert changed.endswith("or $3 million.") and "12 percent" not in changed


def test_a_pair_is_changed_in_its_second_sentence_or_else_its_first():
    pair = ("The strike began on Monday, 3 days ago.", "On Monday began a strike of 3 days.")
    first, second = changed_pair("date", pair)
    assert first == pair[0] and second != pair[1]
    assert changed_pair("negate", ("The shop is open.", "Open: the shop.")) == (
        "The shop is not open.",
        "Open: the shop.",
    )
    assert changed_pair("number", ("A shop.", "The shop.")) is None


# ---------------------------------------------------------------- believable numbers, whatever the seed

SEEDS = range(150)


@pytest.mark.parametrize(
    "sentence, pattern, fits",
    [
        (
            "The fund lost 97 percent.",
            r"(\d+) percent",
            lambda new: new <= 99 and abs(new - 97) >= 20,
        ),
        ("The bond pays 3.5%.", r"([\d.]+)%", lambda new: new < 12 and abs(new - 3.5) > 0.8),
        ("The treaty was signed in 1987.", r"in (\d+)", lambda new: 1978 <= new <= 1985),
        ("The plant will open by 2031.", r"by (\d+)", lambda new: 2033 <= new <= 2040),
        (
            "The fair opens on March 14.",
            r"March (\d+)",
            lambda new: 1 <= new <= 28 and abs(new - 14) >= 2,
        ),
        (
            "The parade starts at 9:30 a.m.",
            r"at (\d+):30 a",
            lambda new: 5 <= new <= 12 and abs(new - 9) >= 2,
        ),
        ("Marta Lenz, 52, won the race.", r", (\d+),", lambda new: 32 <= new <= 72),
        (
            "A 14-year-old sailor won.",
            r"A (\d+)-year",
            lambda new: 2 <= new <= 17 and new not in (8, 11),
        ),
        ("Twelve of the 15 jurors agreed.", r"of the (\d+) jurors", lambda new: new > 12),
        ("The rate rose from 3 percent to 5 percent.", r"from (\d+)", lambda new: new < 5),
        (
            "The house sold for $385,000.",
            r"\$([\d,]+)",
            lambda new: 100_000 < new < 999_999 and new % 1000 == 0,
        ),
    ],
)
def test_numbers_stay_believable(sentence, pattern, fits):
    made = {edit("number", sentence, seed=seed) for seed in SEEDS}
    assert len(made - {None}) > 1
    for changed in made - {None}:
        new = float(re.search(pattern, changed).group(1).replace(",", ""))
        assert fits(new) or new == float(re.search(pattern, sentence).group(1).replace(",", "")), (
            changed
        )


def test_a_date_becomes_one_of_its_kind():
    days = {
        edit("date", "The court sat on Friday.", seed=seed).split()[-1].rstrip(".")
        for seed in SEEDS
    }
    assert days == {"Monday", "Tuesday", "Wednesday", "Thursday"}
    months = {edit("date", "It was held on August 31.", seed=seed).split()[-2] for seed in SEEDS}
    assert months == {"January", "March", "May", "July", "October", "December"}


def test_a_place_becomes_one_of_its_kind_and_a_name_moves_whole():
    for seed in SEEDS:
        city = edit("name", "The flight to New York was late.", seed=seed)
        assert re.fullmatch(r"The flight to ([\w ]+) was late\.", city).group(1) in "|".join(
            english.CITIES
        ).replace("\n", " ")
        person = edit("name", "Anna B. Weber won.", seed=seed).removesuffix(" won.")
        assert person in english.NEW_WOMEN


# ---------------------------------------------------------------- any sentence


@given(st.sampled_from(KINDS), st.text(max_size=60), st.none() | st.text(max_size=60))
def test_any_text_is_changed_or_left_alone(kind, sentence, other):
    changed = edit(kind, sentence, other)
    assert changed is None or (changed != sentence and isinstance(changed, str))


WORDS = "The the He She they was is not has had a an 3 12 percent Monday May rose fell Anna Weber Oslo , . said that sued 's and to from".split()


@given(st.sampled_from(KINDS), st.lists(st.sampled_from(WORDS), max_size=14))
def test_any_words_are_changed_in_the_same_way_each_time(kind, words):
    sentence = " ".join(words)
    assert edit(kind, sentence) == edit(kind, sentence)
    if kind in ("negate", "opposite") and "not" in words:
        assert edit(kind, sentence) is None, "denied twice"


@given(
    st.lists(st.sampled_from([word for word in WORDS if word.isalnum()]), min_size=2, max_size=12)
)
def test_a_shuffle_keeps_every_word_and_the_closing_mark(words):
    sentence = " ".join(words) + "."
    changed = edit("shuffle", sentence)
    if changed is None:
        assert len(set(sentence.rstrip(" .").split())) < 2
    else:
        assert sorted(changed.rstrip(" .").split()) == sorted(sentence.rstrip(" .").split())
        assert changed.endswith(".")


def test_a_place_may_be_the_last_word():
    assert edit("name", "They left for Oslo") not in (None, "They left for Oslo")


def test_questions_claim_nothing():
    assert all(
        edit(kind, "Was the ferry with 40 people late on Monday?") is None
        for kind in KINDS
        if kind != "shuffle"
    )


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="kind is 'swap'.*negate, number"):
        edit("swap", "The shop is open.")


def test_the_forms_of_verbs():
    past = {
        "rise": "rose",
        "plan": "planned",
        "carry": "carried",
        "stay": "stayed",
        "agree": "agreed",
        "flee": "fled",
        "occur": "occurred",
    }
    assert {
        base: next(form for form, of in english.BASE_OF_PAST.items() if of == base) for base in past
    } == past
    assert english.THIRD_PERSON["carries"] == "carry" and english.THIRD_PERSON["goes"] == "go"
    assert set(english.INTRANSITIVE) <= english.BASE_OF_PAST.keys()
    assert all(english.BASE_OF_PAST[past] == base for past, base in english.FINITE.items())


def test_each_kind_of_change_has_its_module():
    modules = {path.stem for path in (ROOT / "pipeline" / "edits").glob("[a-z]*.py")}
    assert len(modules - {"editor", "changed"}) == 9
