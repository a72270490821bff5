"""How words are written in the blogs: what part of speech a planted word is, its other forms, and everyday words."""

from functools import cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOUNS = _words(
    "reverb shoegaze twilight nocturne basement garage amps college-radio warehouse acid strobe kick-drum rave neon "
    "cassette midnight-drive chrome laser eighties gated-snare drone field-recordings tape-hiss pads stillness banjo "
    "fiddle mandolin mountain twang string-band barn-dance front-porch fjord hardanger ballad nyckelharpa herding-call "
    "spruce polska birch upright-bass blue-note solos bop saxophone interplay walking-bass post-bop nylon-string samba "
    "saudade percussion flute cocktail seaside groove horns falsetto slow-jam organ tambourine backbeat rhythm-section "
    "bars wordplay turntable punchlines cypher freestyle storytelling boom-bap doom sludge riff-worship "
    "amplifier-worship clapping nursery counting animal-noises xylophone kindergarten kazoo bedtime"
)
UNWRITTEN = frozenset({"808", "pickin'"})  # words that no tokenizer agrees about
_OTHER_FORMS = {
    "dreamy": "dreaminess", "hazy": "haze", "woozy": "wooziness", "hushed": "hush", "blurred": "blur",
    "shimmering": "shimmer", "swooning": "swoon", "jangly": "jangle", "scrappy": "scrappiness",
    "anthemic": "anthem", "restless": "restlessness", "fuzzed": "fuzz", "riffy": "riffs", "hypnotic": "hypnosis",
    "looping": "loops",
    "nostalgic": "nostalgia", "pulsing": "pulse", "vaporous": "vapour",
    "meditative": "meditation", "weightless": "weightlessness", "resonant": "resonance",
    "vast": "vastness", "dusty": "dust", "rolling": "rolls", "lilting": "lilt",
    "mournful": "mourning", "wintry": "winter", "solitary": "solitude", "smoky": "smoke", "swinging": "swing",
    "improvised": "improvisation", "syncopated": "syncopation", "breezy": "breeze", "swaying": "sway",
    "elegant": "elegance", "whispered": "whisper", "gentle": "gentleness", "velvety": "velvet",
    "aching": "ache", "sweet": "sweetness", "swaggering": "swagger",
    "sampled": "samples", "crushing": "crush", "cavernous": "cavern", "bleak": "bleakness", "thunderous": "thunder",
    "ashen": "ash-grey", "playful": "playfulness", "silly": "silliness", "giggly": "giggles",
    "bouncy": "bounce", "cheerful": "cheerfulness", "rhyming": "rhymes", "dark": "darkness",
    "bright": "brightness", "calm": "calmness", "driving": "drive", "urgent": "urgency",
    "sparse": "sparseness", "dense": "density", "layered": "layers", "electronic": "electronics", "warm": "warmth",
    "tender": "tenderness", "intimate": "intimacy", "icy": "iciness", "distant": "distance", "smooth": "smoothness",
    "raw": "rawness", "strange": "strangeness", "familiar": "familiarity", "lyrical": "lyricism", "ballad": "ballads",
    "groove": "grooves", "drone": "drones", "cassette": "cassettes", "rave": "raves", "banjo": "banjos",
}  # fmt: skip
_ONE_OF_MANY = {
    "wolves": "wolf",
    "foxes": "fox",
    "matchboxes": "matchbox",
    "dominoes": "domino",
    "submarines": "submarine",
}
_UNCOUNTED = _words("harmonium chess clockwork marmalade beekeeping marble gravel ironing porcelain driftwood")

# Words for the holes of everyday sentences.
EVERYDAY: dict[str, tuple[str, ...]] = {
    name: tuple(words.split("|"))
    for name, words in {
        "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
        "month": "January|February|March|April|June|July|August|September|October|November|December",
        "drink": "coffee|black tea|lemonade|cider|mint tea|tap water|cold brew|ginger beer|hot chocolate|tomato juice",
        "room": "kitchen|hallway|attic|spare bedroom|stairwell|allotment shed|back office|canteen|library|boathouse",
        "town": "Haverlock|Nordby|Castelmoor|Ulvsund|Port Amity|Greywick|Santa Brisa|Lindholt|Marrow Bay|Ostwald|"
        "Pendlebrook|Tarnow|Vila Clara|Eastmarch|Hollin Bridge|Skarvik|Montegrado|Brambleford",
        "colour": "mustard|bottle green|rust red|slate|cream|teal|oxblood|lavender|charcoal|apricot|ivory|turquoise",
        "object": "kettle|radiator|bicycle|filing cabinet|ironing board|sewing machine|ladder|extension lead|suitcase|"
        "doorbell|dishwasher|thermos|wheelbarrow|umbrella stand|notebook|raincoat|calculator|teapot|bookshelf|toaster",
        "relative": "aunt|neighbour|dentist|landlady|cousin|brother-in-law|postman|flatmate|grandmother|colleague",
        "number": "three|four|five|six|seven|eight|nine|eleven|twelve|fourteen|twenty|forty|sixty",
        "verb": "washing up|shelling peas|repainting the door|filling in forms|waiting for a parcel|folding laundry|"
        "looking for my keys|walking the dog|mending a puncture|peeling potatoes|sorting receipts|missing a train",
        "food": "noodles|soup|toast|dumplings|plums|cheese rolls|pickles|pancakes|lentils|oranges|rye bread|fish cakes",
        "praise": "lovely|splendid|excellent|beautiful|wonderful|superb|delightful|impressive|marvellous|brilliant",
        "scorn": "dull|boring|dreadful|disappointing|awful|terrible|lifeless|horrible|bland|tedious|pathetic",
        "weather": "rain|fog|sleet|drizzle|sunshine|wind|frost|heat|snow|mist",
        "engineer": "engineer|producer|arranger|caretaker|sister|manager|accountant|lodger|drummer|old teacher",
    }.items()
}  # fmt: skip


def is_noun(word: str) -> bool:
    """Whether a planted word is a noun (and else an adjective)."""
    return word in NOUNS


@cache
def forms(word: str, motif: bool) -> tuple[str, ...]:
    """A planted word as blogs write it: as it stands first, then its inflection or a word of the same root."""
    if motif:
        other = word if word in _UNCOUNTED else _ONE_OF_MANY.get(word) or _singular(word)
    else:
        other = _OTHER_FORMS.get(word) or (word.replace("-", " ") if is_noun(word) else word)
    return (word,) if other == word else (word, other)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
