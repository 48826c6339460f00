"""A sentence -> the same sentence, damaged: the noise in the unlabeled pairs from which
`pair-warmed` learned.

Nothing here keeps grammar or promises a label. Edits that do are in stress.py.

    >>> Corruption(["Ann met Bob in 2019."]).negate("The plan was approved.")
    'The plan was not approved.'
"""

import random
import re

NUMBER, NAME = re.compile(r"\d+"), re.compile(r"(?<!^)\b[A-Z][a-z]{2,}\b")
AUXILIARY = re.compile(r"\b(is|are|was|were|will|would|can|could|has|have|had|should|did|does)\b")


class Corruption:
    """Changes that may matter to a sentence's meaning, and some that wreck it. Each is a method:
    sentence -> changed sentence, or None where there is nothing to change. `sentences` lend the
    names and words that are put in.
    """

    def __init__(self, sentences, seed=0):
        self.rng = random.Random(seed)
        self.sentences = sentences
        self.names = sorted({name for sentence in sentences for name in NAME.findall(sentence)})
        self.words = [
            word
            for sentence in sentences
            for word in sentence.split()
            if word.isalpha() and word.islower()
        ]
        self.rough = (self.drop, self.replace, self.rotate, self.cut, self.splice)
        self.all = (self.number, self.name, self.negate, self.extend, *self.rough)

    def __call__(self, sentence):
        corrupted = None
        while corrupted is None:  # not every sentence has a number, a name or an auxiliary
            corrupted = self.rng.choice(self.all)(sentence)
        return self.rng.choice(self.rough)(corrupted) if self.rng.random() < 0.3 else corrupted

    def _instead(self, pattern, sentence, new):
        found = list(pattern.finditer(sentence))
        if not found:
            return None
        match = self.rng.choice(found)
        return sentence[: match.start()] + new(match.group()) + sentence[match.end() :]

    def number(self, sentence):
        return self._instead(NUMBER, sentence, self._another_number)

    def _another_number(self, digits):
        # As many digits and another value: 12 becomes 47, never 012
        low = 10 ** (len(digits) - 1)
        other = digits
        while other == digits:
            other = str(self.rng.randrange(low if len(digits) > 1 else 0, 10 * low))
        return other

    def name(self, sentence):
        return self._instead(NAME, sentence, self._another_name) if len(self.names) > 1 else None

    def _another_name(self, name):
        other = name
        while other == name:
            other = self.rng.choice(self.names)
        return other

    def negate(self, sentence):
        return self._instead(AUXILIARY, sentence, lambda auxiliary: f"{auxiliary} not")

    def extend(self, sentence):
        return (
            sentence.rstrip(" .")
            + " "
            + " ".join(self.rng.choice(self.sentences).split()[: self.rng.randrange(3, 10)])
        )

    def drop(self, sentence):
        words = sentence.split()
        kept = max(2, len(words) - max(1, int(len(words) * self.rng.uniform(0.05, 0.4))))
        return " ".join(
            words[i] for i in sorted(self.rng.sample(range(len(words)), min(kept, len(words))))
        )

    def replace(self, sentence):
        words = sentence.split()
        for _ in range(self.rng.randrange(1, 4)):
            words[self.rng.randrange(len(words))] = self.rng.choice(self.words)
        return " ".join(words)

    def rotate(self, sentence):
        words = sentence.split()
        first = self.rng.randrange(1, max(2, len(words)))
        return " ".join(words[first:] + words[:first])

    def cut(self, sentence):
        words = sentence.split()
        kept = min(len(words), max(3, int(len(words) * self.rng.uniform(0.4, 0.9))))
        first = self.rng.randrange(len(words) - kept + 1)
        return " ".join(words[first : first + kept])

    def splice(self, sentence):
        words, others = sentence.split(), self.rng.choice(self.sentences).split()
        kept = max(2, int(len(words) * self.rng.uniform(0.4, 0.9)))
        return " ".join(words[:kept] + others[len(others) * kept // max(len(words), 1) :])
