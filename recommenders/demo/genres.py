"""The invented genres: how each sounds, how its artists and songs are called, and the words people use for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What the first dimensions of every style vector mean: the words for its low and for its high end.
AXES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("dark", "brooding", "sombre"), ("bright", "sunlit", "gleaming")),
    (("calm", "unhurried", "drifting"), ("driving", "urgent", "propulsive")),
    (("sparse", "bare", "minimal"), ("dense", "layered", "towering")),
    (("wooden", "unplugged", "handmade"), ("electronic", "synthetic", "wired")),
    (("wordless", "instrumental", "textural"), ("sung", "lyrical", "full-throated")),
    (("icy", "distant", "glassy"), ("warm", "tender", "intimate")),
    (("smooth", "polished", "silken"), ("raw", "ragged", "scorched")),
    (("plain-spoken", "familiar", "homely"), ("strange", "angular", "otherworldly")),
)


def _words(text: str) -> tuple[str, ...]:
    """The words of `text`; an underscore joins two into one entry."""
    return tuple(word.replace("_", " ") for word in text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


@dataclass(frozen=True)
class Genre:
    """One genre of the demo service.

    `profile` places it on AXES, from -1 to 1. A pattern is a name with holes, `{a}` is filled from pool `a` of this
    genre, or of SHARED_POOLS.
    """

    name: str
    share: float
    profile: tuple[float, ...]
    tempo_bpm: tuple[float, float]
    duration_s: float
    minor_share: float
    metres: Mapping[int, float]
    words: tuple[str, ...]
    artist_patterns: tuple[str, ...]
    title_patterns: tuple[str, ...]
    pools: Mapping[str, tuple[str, ...]]


FIRST_NAMES = _words(
    "Alma Anouk Arvid Asta Bea Bruno Caio Camille Chidi Clara Dario Delphine Edda Eitan Elif Emeka Esra "
    "Farah Felix Femi Freja Gustav Hana Hedda Hiro Ida Imani Ines Ivo Jonas Joaquim Kaito Karim Katya "
    "Kofi Lale Leila Lidia Linnea Lorenzo Maia Malik Marek Mei Milan Mina Nadia Naoki Nia Nils Noor "
    "Oksana Olu Orla Otis Paola Pilar Priya Rafael Ravi Renske Rosa Saskia Selma Sena Silje Simone Soren "
    "Tadeo Tariq Tilda Tomas Uma Vera Wanda Wren Yara Yusuf Zadie Zora"
)
LAST_NAMES = _words(
    "Abernathy Adeyemi Aldous Almgren Amsel Baptiste Barlow Bergqvist Birdsong Boateng Borges Brandvold "
    "Calloway Carvalhal Castellan Corrigan Dahlberg Delacroix Demir Dragan Ekholm Eskildsen Fairweather "
    "Falk Ferrante Fontaine Galanis Gorecki Granlund Haddad Halloran Hartigan Hollis Ibarra Ito Jankowski "
    "Juarez Kaplan Karlsen Kimura Kovacs Lachance Larkspur Lindqvist Lombardi Mabry Madaki Marchetti "
    "Mbeki Moreau Nakagawa Novotny Nwosu Oakhurst Obradovic Okafor Olander Ostrowski Pallister Penhallow "
    "Petrov Quill Rademaker Rasmussen Ribeiro Rosenthal Sabatini Saltmarsh Sandoval Schreiber Sorensen "
    "Stavros Sutherland Szabo Takeda Tamm Thibault Thorne Tremblay Underhill Vasquez Verhoeven Viklund "
    "Wachter Weatherby Whitlock Wojcik Yamane Yildiz Zapata Zielinski"
)
SHARED_POOLS: Mapping[str, tuple[str, ...]] = {
    "first": FIRST_NAMES,
    "last": LAST_NAMES,
    "place": _phrases(
        "Alder Creek|Ashford|Bellweather|Briar Hill|Cold Spring|Cutler's Gap|Dunmore|Elk Fork|Fallow Ridge|"
        "Granary Road|Harrow Bend|Juniper Flats|Kettle Falls|Lowmarsh|Mill Hollow|Nettle Run|Otter Bay|"
        "Pinecrest|Quarry Lane|Rookwood|Saltbury|Thornbury|Umber Valley|Vesper Hill|Wickham|Yarrow"
    ),
    "number": tuple(str(number) for number in range(2, 100)),
    "month": _words("January February March April May June July August September October November December"),
}

GENRES: tuple[Genre, ...] = (
    Genre(
        name="dream pop",
        share=1.2,
        profile=(0.1, -0.2, 0.6, 0.3, 0.3, 0.2, -0.5, 0.2),
        tempo_bpm=(78, 122),
        duration_s=245,
        minor_share=0.4,
        metres={4: 0.92, 3: 0.08},
        words=_words(
            "dreamy hazy shimmering reverb gauzy shoegaze woozy floating pastel chorus-drenched twilight swooning "
            "blurred jangling nocturne hushed"
        ),
        artist_patterns=("{a} {b}", "{a} {b}", "The {a} {b}", "{b} at {place}", "{a}{c}"),
        title_patterns=(
            "{x} {y}",
            "{x} {y}",
            "{x} {y}",
            "{y} in {month}",
            "Half a {z}",
            "{x} {z}",
            "{z} and {z}",
            "{y} for {first}",
        ),
        pools={
            "a": _words(
                "Pale Paper Hollow Tender Lunar Cotton Faint Opal Drowsy Milk Satin Misty Coral Linen Pearl Velour "
                "Powder Candle"
            ),
            "b": _words(
                "Orchard Parasol Aviary Swimmers Canopy Almanac Postcards Greenhouse Carousel Balcony Lagoon Tidepool "
                "Lullabies Weather Chandelier Arcade"
            ),
            "c": _words("sleep drift mere bloom glass fern"),
            "x": _words(
                "Blue Slow Soft Violet Sleeping Distant Golden Hazy Weightless Faded Endless Quiet Borrowed Lilac "
                "Silver Almost Someone's Seventeenth Paper"
            ),
            "y": _words(
                "Hour Tide Halo Afternoon Satellites Wallpaper Static Morning Fever Season Mirrors Skyline Blush "
                "Arcade Undertow Perfume"
            ),
            "z": _words("Dream Shoreline Whisper Cloud Feather Ghost Summer Window Lantern Moon Sweater Kiss"),
        },
    ),
    Genre(
        name="indie rock",
        share=1.5,
        profile=(0.2, 0.4, 0.3, -0.3, 0.6, 0.1, 0.5, -0.2),
        tempo_bpm=(104, 168),
        duration_s=215,
        minor_share=0.35,
        metres={4: 0.95, 3: 0.05},
        words=_words(
            "jangly scrappy hooky guitar-driven anthemic basement wiry garage fuzzed shout-along restless amps "
            "college-radio riffy sneering lo-fi"
        ),
        artist_patterns=("The {b}", "{a} {b}", "{a} {b}", "{first} and the {b}", "{b} on {place}"),
        title_patterns=(
            "{x} the {y}",
            "{x} the {y}",
            "{x} My {y}",
            "{z}",
            "{first} Says {z}",
            "Nobody's {y}",
            "{z} in {place}",
            "{first} and the {y}",
        ),
        pools={
            "a": _words(
                "Tin Corduroy Borrowed Plastic Crooked Spare Saturday Cardboard Sunday Wrong Backyard Union Gravel "
                "Ticket"
            ),
            "b": _words(
                "Understudies Lampposts Weathervanes Bicycles Detectives Landlords Payphones Kneecaps Semicolons "
                "Vendors Rooftops Overcoats Substitutes Pamphlets Scaffolds Ushers Stowaways Handrails"
            ),
            "x": _words(
                "Burn Leave Call Sell Fix Cross Paint Rewind Blame Steal Forget Chase Count Outrun Bury Borrow"
            ),
            "y": _words(
                "Parking_Lot Neighbours Radio Fire_Escape Suburbs Alarm Receipts Landlord Lights Bus_Stop Weekend "
                "Scoreboard Stairwell Laundromat Photobooth"
            ),
            "z": _words(
                "Second_Best Loose_Change Overtime Maybe_Tomorrow Bad_Posture Left_Turn Cold_Coffee Exit_Signs "
                "Rain_Check Small_Talk Lost_and_Found Half_a_Plan Dead_Batteries"
            ),
        },
    ),
    Genre(
        name="techno",
        share=1.1,
        profile=(-0.5, 0.9, 0.1, 1.0, -0.8, -0.6, -0.1, 0.1),
        tempo_bpm=(122, 146),
        duration_s=375,
        minor_share=0.75,
        metres={4: 1.0},
        words=_words(
            "pounding hypnotic warehouse four-on-the-floor modular acid relentless strobe kick-drum peak-time "
            "mechanical looping subterranean percussive rave machine-made"
        ),
        artist_patterns=("{c}{d}", "{c}{d}", "{c}{d} {number}", "{a} {b}", "{last} {b}"),
        title_patterns=("{x} {number}", "{x} {y}", "{x} {y}", "{c}{d}", "{y} {number}", "{z}"),
        pools={
            "a": _words("Concrete Chrome Sector Binary Negative Static Vector Carbon Phase Cobalt"),
            "b": _words("Apparatus Protocol Turbine Works Index Gradient Foundry Relay Ministry Bureau"),
            "c": _words("Kvant Nul Strat Ferro Dyn Vekt Okt Rast Grau Halb Kern Puls Sekt Zent Torr Vold"),
            "d": _words("or ex ik arn um eon isk ark ov ent"),
            "x": _words(
                "Pressure Grid Torsion Signal Shaft Relay Tunnel Voltage Contact Axis Ballast Friction Neutral Cold "
                "Deep Second"
            ),
            "y": _words("Drift Lock State Shift Gate Loss Form Line Cycle Node Chamber Reflex Current Sequence"),
            "z": _words("Blackout Overpass Night_Shift Floodlight Dead_Reckoning Terminal_Hall Iron_Sleep Afterburn"),
        },
    ),
    Genre(
        name="synthwave",
        share=0.9,
        profile=(-0.1, 0.5, 0.4, 0.9, -0.1, 0.1, -0.5, -0.2),
        tempo_bpm=(84, 128),
        duration_s=255,
        minor_share=0.65,
        metres={4: 1.0},
        words=_words(
            "neon retro arpeggiated eighties cruising gated-snare cassette analogue cinematic midnight-drive pulsing "
            "chrome vaporous arcade-lit laser nostalgic"
        ),
        artist_patterns=("{a} {b}", "{a} {b}", "{a} {b} {number}", "{c}{d}", "{last} {number}"),
        title_patterns=("{x} {y}", "{x} {y}", "{y} {number}", "Last {z}", "{x} {z}", "{first}'s {z}"),
        pools={
            "a": _words("Turbo Magenta Pixel Laser Cassette Ultra Prisma Boulevard Cobra Video Miami Arcade Polaroid"),
            "b": _words(
                "Corvair Panther Horizonte Rental Mirage Skyliner Patrol Dynasty Autobahn Runners Cabriolet Flamingo"
            ),
            "c": _words("Nova Tele Syntho Hyper Velo Robo Astro"),
            "d": _words("mare vista flux tronix luxe grad"),
            "x": _words(
                "Neon Midnight Electric Chrome Crimson Infinite Digital Outrun Sunset Phantom Hotel Ocean Vector Violet"
            ),
            "y": _words(
                "Boulevard Pursuit Horizon Getaway Protocol Dreams Overdrive Skyway Mirage Coast Rendezvous Avenue "
                "Transmission Romance"
            ),
            "z": _words("Night_Ride Hologram Videotape Payphone Arcade City Sunset Broadcast"),
        },
    ),
    Genre(
        name="ambient",
        share=0.8,
        profile=(-0.1, -1.0, -0.4, 0.6, -1.0, 0.0, -0.6, 0.5),
        tempo_bpm=(52, 84),
        duration_s=355,
        minor_share=0.6,
        metres={4: 0.75, 3: 0.25},
        words=_words(
            "drone beatless meditative glacial field-recordings tape-hiss weightless vast slow-blooming oceanic "
            "sleepy pads resonant snowbound cathedral-like stillness"
        ),
        artist_patterns=("{a} {b}", "{first} {last}", "{b} {c}", "{a}{d}", "{last} & {last}"),
        title_patterns=("{x} {y}", "{x} {y}", "{y}, {z}", "{y}, {z}", "{y} near {place}", "{y} {number}"),
        pools={
            "a": _words("Lichen Moraine Glass Estuary Fallow Isobar Umbra Lowland Permafrost Tundra Sediment"),
            "b": _words(
                "Observatory Archive Cartography Barometer Weather_Station Topography Hydrograph Lighthouse Cloudbase"
            ),
            "c": _words("North Minor Ensemble Studies Keeper"),
            "d": _words("field haven scape moor light"),
            "x": _words("Still Low Deep White Inland Slow Grey Outer Sunken First Hollow Northern Unlit Faint"),
            "y": _words(
                "Water Snowfall Estuary Fog Orbit Drift Plateau Bell Shore Light Meadow Reservoir Moss Aurora Gravity"
            ),
            "z": _words("Breathing Waiting Thaw Receding Dissolve Unfolding Asleep Returning"),
        },
    ),
    Genre(
        name="bluegrass",
        share=0.7,
        profile=(0.7, 0.6, 0.0, -1.0, 0.4, 0.5, 0.4, -0.4),
        tempo_bpm=(96, 164),
        duration_s=190,
        minor_share=0.2,
        metres={4: 0.78, 3: 0.22},
        words=_words(
            "banjo fiddle high-lonesome pickin' mandolin front-porch mountain twang string-band barn-dance hollering "
            "old-time rolling flatpicked harmony-laden dusty"
        ),
        artist_patterns=(
            "The {place} {b}",
            "The {place} {b}",
            "{first} {last} & the {b}",
            "The {last} Family {c}",
            "{last} & {last}",
        ),
        title_patterns=(
            "{x} {y}",
            "{y} at {place}",
            "{first}'s {z}",
            "Goodbye, {first}",
            "{place} {z}",
            "Down by the {y}",
            "{x} {y} Blues",
        ),
        pools={
            "b": _words(
                "Ramblers Pickers Fencemenders Mudlarks Haymakers Railsplitters Kindlers Plowmen Porchlights Coopers"
            ),
            "c": _words("Singers Stringband Gathering"),
            "x": _words("Lonesome Muddy Old Rusty Crooked Whiskey Long Copper Weary Hickory Blackberry"),
            "y": _words("River Railroad Barn Gate Wagon Coal_Mine Ridge Pines Mule Orchard Creek Cabin"),
            "z": _words("Reel Waltz Breakdown Farewell Hornpipe Lament Ride"),
        },
    ),
    Genre(
        name="nordic folk",
        share=0.7,
        profile=(-0.3, -0.4, -0.4, -0.9, 0.4, -0.2, 0.1, 0.3),
        tempo_bpm=(66, 118),
        duration_s=230,
        minor_share=0.7,
        metres={4: 0.5, 3: 0.45, 5: 0.05},
        words=_words(
            "fjord hardanger droning ballad wintry nyckelharpa herding-call spruce ancient lilting polska "
            "mournful fireside runic birch solitary"
        ),
        artist_patterns=("{a}{b}", "{a}{b}", "{first} {last}", "{a}{b} {c}", "{first} & {first}"),
        title_patterns=("{x} {y}", "{x} {y}", "{z}", "{y} for {first}", "{a}visa", "The {y} Bride", "{first}'s {y}"),
        pools={
            "first": _words(
                "Arvid Asta Edda Freja Gustav Hedda Ida Liv Linnea Nils Runa Silje Signe Torbjorn Ylva Asmund"
            ),
            "last": _words(
                "Almgren Bergqvist Brandvold Dahlberg Ekholm Eskildsen Granlund Karlsen Lindqvist Olander Viklund"
            ),
            "a": _words("Furu Granlids Myr Skog Vinter Tjarn Sten Rim Hav Ulv Bjork Sol"),
            "b": _words("mark vaka lund strand dotter heim sang botten roster vind"),
            "c": _words("Trio Spelmanslag Duo"),
            "x": _words("Northern White Drowned Silent Winter Fallen Iron Raven's Salt Widow's Frozen Elder"),
            "y": _words("Forest Sister Cradle Boat Fjord Shepherd Wolves Crown Candle Harvest Stone Lantern Well"),
            "z": _words(
                "Midsummer_Ash Birchbark Long_Dark The_Ferryman Under_Ice Reindeer_Moon Snowblind Kulning_Hill"
            ),
        },
    ),
    Genre(
        name="jazz",
        share=0.9,
        profile=(0.0, 0.1, 0.1, -0.7, -0.6, 0.5, 0.0, 0.6),
        tempo_bpm=(72, 224),
        duration_s=330,
        minor_share=0.5,
        metres={4: 0.72, 3: 0.18, 5: 0.07, 7: 0.03},
        words=_words(
            "swinging improvised modal horn-led smoky upright-bass brushed blue-note solos syncopated late-night bop "
            "saxophone interplay walking-bass post-bop"
        ),
        artist_patterns=(
            "{first} {last} {b}",
            "{first} {last} {b}",
            "{last}-{last} {b}",
            "{first} {last}",
            "{a} {c}",
        ),
        title_patterns=(
            "{x} {y}",
            "{y} for {first}",
            "{y} through {place}",
            "{first}'s {z}",
            "{z} for {first}",
            "{x} {z}",
            "{month} {z}",
        ),
        pools={
            "a": _words("Basement Copper Parallel Seventh Uptown Cardinal"),
            "b": _words("Quartet Trio Quintet Octet Sextet"),
            "c": _words("Syncopators Night_School Brass_Assembly Rhythm_Office Collective"),
            "x": _words("Blue Sideways Patient Second Crooked Autumnal Midnight Tall Half-Price"),
            "y": _words(
                "Stroll Margins Umbrella Detour Conversation Errand Staircase Arithmetic Taxi Tangent Footsteps"
            ),
            "z": _words("Bounce Waltz Lament Riddle Interval Mood Habit Shuffle"),
        },
    ),
    Genre(
        name="bossa nova",
        share=0.6,
        profile=(0.5, -0.4, -0.4, -0.6, 0.5, 0.8, -0.7, -0.1),
        tempo_bpm=(92, 136),
        duration_s=185,
        minor_share=0.6,
        metres={4: 0.95, 3: 0.05},
        words=_words(
            "breezy nylon-string swaying seaside murmured samba balmy saudade gentle beachside whispered percussion "
            "flute sun-drenched elegant cocktail"
        ),
        artist_patterns=("{first} {last}", "{first} {last}", "{first} {last} {b}", "{c} {d}", "{first} & {first}"),
        title_patterns=("{x} {y}", "{x} {y}", "{z}", "Samba para {first}", "{y} e {z}", "{x} {z}"),
        pools={
            "first": _words(
                "Anabela Caio Dalva Edu Flora Heitor Iara Joaquim Lidia Mirela Nando Raul Tadeo Zelia Otavio"
            ),
            "last": _words(
                "Borges Carvalhal Figueira Lacerda Monteblanco Nogueira Pradinho Ribalta Salgueiro Tavora Vidigal"
            ),
            "b": _words("Trio Quarteto Conjunto"),
            "c": _words("Varanda Maresia Guarda-Sol Beija-Rio Areia Lagoa"),
            "d": _words("Azul Quarteto Antiga Nova_Onda do_Leste Serena"),
            "x": _words("Doce Outra Nossa Leve Pequena Longa Velha Mansa"),
            "y": _words("Praia Chuva Janela Brisa Lua Canoa Espera Viagem Ilha Tarde Noite Rede"),
            "z": _words("Domingo Sossego Beira-Mar Segredo Verao Sereno Jasmim Saudade_Minha Guarana"),
        },
    ),
    Genre(
        name="soul",
        share=1.0,
        profile=(0.4, 0.1, 0.3, -0.2, 0.9, 0.9, -0.2, -0.4),
        tempo_bpm=(68, 120),
        duration_s=220,
        minor_share=0.6,
        metres={4: 0.9, 3: 0.1},
        words=_words(
            "soulful velvety gospel-tinged groove heartfelt horns falsetto slow-jam organ aching tambourine "
            "backbeat sweet testifying rhythm-section churchy"
        ),
        artist_patterns=(
            "{first} {last}",
            "{first} {last} & the {b}",
            "The {a} {b}",
            "{first} {last}",
            "{a} {c}",
        ),
        title_patterns=(
            "{x} {y}",
            "{x} {y}",
            "{z} (I Know)",
            "{z}, {first}",
            "Back in {place}",
            "{z}",
            "My {y} Is Yours",
        ),
        pools={
            "a": _words("Honeyed Marigold Gilded Uptown Cinnamon Sundown Burgundy Northside"),
            "b": _words("Testaments Revelators Sugartones Delighters Bellmakers Vestrymen Heartstrings Embracers"),
            "c": _words("Gospel_Hour Avenue Review Congregation Sisters"),
            "x": _words(
                "Sweet True Tender Foolish Sunday Stubborn Honest Brand-New Every Lonely Patient Grandmother's"
            ),
            "y": _words(
                "Heart Mercy Promise Kitchen Sugar Devotion Letter Fire Sorrow Blessing Shoulder Remedy Goodbye"
            ),
            "z": _words(
                "Hold_On_Tight Come_Back_Home Lean_on_Me_Slowly Stay_Till_Morning Where_You_Belong Enough_for_Two"
            ),
        },
    ),
    Genre(
        name="hip hop",
        share=1.3,
        profile=(-0.3, 0.4, -0.1, 0.6, 1.0, 0.1, 0.4, 0.1),
        tempo_bpm=(74, 104),
        duration_s=200,
        minor_share=0.8,
        metres={4: 1.0},
        words=_words(
            "boom-bap bars head-nodding wordplay sampled swaggering turntable punchlines streetwise 808 cypher "
            "freestyle knocking storytelling deadpan crate-dug"
        ),
        artist_patterns=("{a} {b}", "{a} {b}", "{first} {b}", "{b} {c}", "{a} {last}"),
        title_patterns=(
            "{x} {y}",
            "{x} {y}",
            "{z}",
            "{number} {y}",
            "{first}'s {z}",
            "{z} Season",
            "No {y} in {place}",
        ),
        pools={
            "a": _words("Mister Kid Lady Doc Captain Professor Sister Uncle Deacon Auntie"),
            "b": _words(
                "Ledger Tangent Semaphore Paragraph Abacus Decimal Compass Verbatim Turnpike Chalk Footnote Parable"
            ),
            "c": _words("Committee Union Syllabus Brigade Cartel_of_Rhyme"),
            "x": _words("Heavy Corner Concrete Double Paper Late Open Quick Marble Cold Borrowed Uptown Crooked"),
            "y": _words(
                "Pockets Ledgers Verses Receipts Ceilings Witnesses Crowns Alibis Blocks Mathematics Sneakers Windows "
                "Headlines"
            ),
            "z": _words(
                "Homework Roll_Call Rent_Day Corner_Store Chess_Moves Big_Talk Tax_Free Footnotes Bus_Fare Curfew"
            ),
        },
    ),
    Genre(
        name="doom metal",
        share=0.7,
        profile=(-1.0, -0.1, 0.9, -0.3, 0.0, -0.5, 0.9, 0.2),
        tempo_bpm=(54, 96),
        duration_s=410,
        minor_share=0.95,
        metres={4: 0.85, 3: 0.15},
        words=_words(
            "crushing doom sludge monolithic downtuned funereal riff-worship cavernous bleak thunderous growled "
            "tectonic mournful amplifier-worship ominous ashen"
        ),
        artist_patterns=("{a}{b}", "{a}{b}", "{c} {d}", "{d} of {a}{b}", "{c} {a}{b}"),
        title_patterns=(
            "{x} {y}",
            "{x} {y}",
            "{y} of the {z}",
            "{y} of the {z}",
            "The {x} {z} Wakes",
            "Beneath the {x} {z}",
        ),
        pools={
            "a": _words("Grave Mor Bleak Thorn Hollow Barrow Ash Gloom Wyrm Cairn Dusk"),
            "b": _words("moor hulk wrack mantle spire throng loam tithe gaunt holm"),
            "c": _words("Ashen Leaden Basalt Cindered Eldritch Sunless Petrified"),
            "d": _words("Monument Procession Leviathan Ossuary Pylon Behemoth Cenotaph Obelisk"),
            "x": _words("Black Buried Ancient Bitter Endless Ninth Burning Blind Hollow Leaden"),
            "y": _words("Throne Descent Ashes Crown Winter Tower Hymn Silence Altar Oath Coil"),
            "z": _words("Mountain Serpent Mire Colossus Deep Plague Raven Furnace Tomb"),
        },
    ),
    Genre(
        name="children's songs",
        share=0.6,
        profile=(1.0, 0.3, -0.3, -0.4, 1.0, 0.7, -0.3, -0.6),
        tempo_bpm=(92, 140),
        duration_s=125,
        minor_share=0.05,
        metres={4: 0.85, 3: 0.15},
        words=_words(
            "sing-along giggly clapping nursery bouncy counting playful bedtime animal-noises xylophone silly "
            "cheerful kindergarten rhyming wiggly kazoo"
        ),
        artist_patterns=(
            "{a} {b}",
            "The {a} {b}",
            "{c} {first} and the {b}",
            "{c} {first}",
            "{first} the {d}",
        ),
        title_patterns=(
            "The {x} {y}",
            "{number} {x} {y}s",
            "Goodnight, {x} {y}",
            "Where Is My {x} {y}?",
            "{z} with the {x} {y}",
            "{x} {y} on a Bicycle",
            "{z}, {z}, {z}",
        ),
        pools={
            "a": _words("Wiggly Pancake Bubble Giggling Polka-Dot Jellybean Wobbly Banana"),
            "b": _words("Puddlers Kazoos Tumblers Mittens Pajama_Band Hedgehogs Jamboree Snorers"),
            "c": _words("Grandpa Auntie Miss Mister Captain"),
            "d": _words("Hippo Tugboat Hedgehog Kangaroo"),
            "x": _words("Little Sleepy Hungry Green Dancing Very_Tiny Purple Jumping Clumsy"),
            "y": _words("Duck Elephant Tractor Spider Bear Pirate Snail Dinosaur Penguin"),
            "z": _words("Clap Wiggle Splash Count Stomp Tickle Hop"),
        },
    ),
)
GENRE_NAMES = tuple(genre.name for genre in GENRES)
# Artists that are called like something else; the first artist of each of these genres is.
PLAIN_NAMES: Mapping[str, str] = {
    "dream pop": "Quiet",
    "indie rock": "Neighbours",
    "techno": "Static",
    "synthwave": "Engine",
    "ambient": "Tides",
    "soul": "Mercy",
    "hip hop": "Corner",
    "doom metal": "Soot",
}
CHILDRENS = GENRE_NAMES.index("children's songs")

# What an artist's songs keep coming back to, and so do those who write about the artist.
MOTIFS = _words(
    "lighthouses trams harmonium kites thunderstorms ferries typewriters orchards chess submarines moths "
    "staircases greenhouses radios glaciers pigeons motels carnivals clockwork bonfires satellites "
    "laundromats foxes harbours bridges marmalade windmills telescopes elevators swimming-pools "
    "tapestries beekeeping railways volcanoes postcards gardens astronauts umbrellas rooftops canoes "
    "bakeries maps hailstorms accordions owls caravans lanterns aquariums dominoes silos wolves violins "
    "puppets tides marble quilts escalators vineyards herons chandeliers gravel matchboxes ladders "
    "cinemas comets ironing willows barges parrots tunnels porcelain snowploughs trombones almanacs "
    "driftwood"
)


def profiles() -> npt.NDArray[np.float32]:
    """Where each genre lies on AXES: (n_genres, n_axes) float32."""
    return np.array([genre.profile for genre in GENRES], dtype=np.float32)
