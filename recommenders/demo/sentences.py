"""The sentences of the invented blogs, as templates.

Holes: `A` an artist, `B` another one, `T` a song, `w` a planted word (`v` a form of it), `genre`, `g` and `h` words of
the genre, `they` what stands for the artist; `are` `have` `do` `were` `z` are verbs, and their ending, for one or for
several. The others are everyday words (EVERYDAY in wording.py).
"""

# What an artist's part of an article begins with: it names the artist.
OPENINGS = (
    "{A} made {T} in {number} days, and it shows in the best way.",
    "It has been a good year for {A}, and {T} is the reason.",
    "I came late to {A}.",
    "The new one by {A} starts in the middle of a breath.",
    "{A} will not thank me for saying so, but {T} is the best thing {they} have done since I started this blog.",
    "Two listens in, {T} by {A} had moved into the house.",
    "If you know {A} only from the one song that everybody knows, {T} will surprise you.",
    "{T} is the song that {A} {were} always going to write.",
    "Nobody in {town} makes records the way {A} {do}.",
    "When {A} announced another album, I was {verb}.",
    "There is music you admire and music you live with; {A} belong{z} to the second kind.",
    "{A:s} latest, recorded in a {room} outside {town}, is out on {day}.",
    "What {A} {do} on {T} should not work.",
    "A reader from {town} wrote to ask why I never mention {A}.",
    "{A} {are} back with {T}, and with a new {engineer}.",
    "Before {T} there was a long silence from {A}.",
    "On the way to {town} the driver put on {A}, and nobody spoke until {T} was over.",
    "Somebody at the {room} door was humming {T}, which is how I found {A}.",
    "You will have heard {T} by now, in a shop or through a wall; {A} did not plan it that way.",
    "My copy of {T} arrived late, and {A} sent a {object} to make up for it.",
    "A year ago few people outside {town} had heard of {A}.",
    "{A} wrote {T} between two jobs.",
    "Let us begin with {A}, since everybody else does.",
    "{T} has no business being this good, but then {A} never cared for business.",
    "Every {day} for a month I have woken up to {A}.",
)
OPENINGS_WITHOUT_A_SONG = (
    "I came late to {A}.",
    "Nobody in {town} makes records the way {A} {do}.",
    "{A:s} latest, recorded in a {room} outside {town}, is out on {day}.",
    "A reader from {town} wrote to ask why I never mention {A}.",
    "There is music you admire and music you live with; {A} belong{z} to the second kind.",
    "The new one by {A} starts in the middle of a breath.",
    "It took {number} concerts until I understood {A}.",
    "A year ago few people outside {town} had heard of {A}.",
    "Let us begin with {A}, since everybody else does.",
    "Every {day} for a month I have woken up to {A}.",
)
ADJECTIVES = (
    "The whole record feels {w}, from the first bar to the last.",
    "Call it {w}, if you need one word.",
    "There is something {w} in the way {A} end{z} a chorus.",
    "A {w} streak runs through all that {A} {have} done so far.",
    "Even the second half, usually the place for leftovers, stays {w}.",
    "The bridge of {T} is {w}, and then the floor goes.",
    "I wrote “{w}” in my notebook and underlined it twice.",
    "{A} like{z} it {w}, and so do I.",
    "You could call {T} {w} and leave it at that.",
    "The singing turns {w} towards the end.",
    "On headphones the {w} side of {A} comes out.",
    "{A} can be {w} without raising the voice.",
    "Nobody does {w} music like {A}.",
    "The {w} mood of {T} lasts well into the evening.",
    "What I want from {A} is something {w}, and here it is.",
    "For all the noise around {A}, the songs are {w} at heart.",
    "Play {T} to anybody who doubts that {A} can be {w}.",
    "{A:s} {w} ways have found an audience in {town}.",
    "Is it {w}? It is, and {A} will not apologise.",
    "More {w} than before, and better for it, {A} take{z} their time.",
)
NOUNS = (
    "You hear the {w} before anything else.",
    "Take away the {w} and {T} would fall over.",
    "I could listen to the {w} on {T} for an hour.",
    "{They} lean on the {w} harder than before.",
    "The {w} never gets in the way of {A}.",
    "Most of all there is the {w}.",
    "{A} bring{z} {w} and good manners.",
    "Somebody near {A} has a gift for {w}.",
    "Then comes the {w}, and with it the point of the song.",
    "Nobody uses {w} like {A}.",
    "My {relative}, who knows about {w}, approves of {A}.",
    "With that much {w} you expect a mess, and get a tune.",
    "{A} still build{z} everything around {w}.",
    "The {w} on {T} was left as it was played.",
    "If there is one thing to take home from {A}, it is the {w}.",
)
MOTIFS = (
    "Half of the lyrics are about {w}.",
    "Once again {A} sing{z} about {w}, and once again it works.",
    "There are {w} on the sleeve of {T} and {w} in the second verse.",
    "Who else writes three songs in a row about {w}?",
    "{A:s} thing with {w} goes on.",
    "In conversation {A} keep{z} coming back to {w}.",
    "Another song about {w}? Yes, and the best so far.",
    "I counted the {w} in the lyric sheet and gave up.",
    "For {A} the world is made of {w}.",
    "The video of {T} is nothing but {w}.",
    "{T} is about {w}, as far as I can tell.",
    "No record by {A} without {w}.",
    "You come to {A} for the tunes and leave with a head full of {w}.",
    "The {w} in {T} are meant as they are sung.",
)
# The other form of a planted word, by what the word is.
OTHER_ADJECTIVES = (
    "There is {v} in {T}, though not where you look first.",
    "Think of {v}, then of what comes after.",
    "One word in the margin of my notes on {A}: {v}.",
    "The press sheet of {A} says {v}, and for once it is right.",
    "There is {v} in all that {A} {do}.",
)
OTHER_MOTIFS = (
    "The one with the {v} is my favourite.",
    "Somewhere in {T} a {v} turns up, as it must.",
    "The {v} of the first verse comes back in the last.",
    "Only {A} would rhyme on {v}.",
)
GENRES = (
    "File it under {genre}, on the shelf with the {g} spines.",
    "As {genre} goes it is more {g} than most.",
    "The usual furniture of {genre} is there: {g}, {h}, a bit of dust.",
    "If {genre} means {g} to you, this is where to start.",
    "It keeps the {g} side of {genre} and loses the rest.",
    "You need not care for {genre} to like it.",
    "There is plenty of {genre} about, most of it {g}, little of it {h}.",
)
OTHERS = (
    "Think of {B} on a slower day.",
    "It sits well beside {B}, whose last one I wore out.",
    "Fans of {B} will find their way.",
    "The comparison with {B} is lazy, and I make it anyway.",
    "{B} played a part in it, I am told, though nobody will say which.",
    "I used to file this next to {B}; not any more.",
    "Between this and {B} my month is settled.",
    "The tour goes out with {B} in {month}.",
)
EVERYDAY = (
    "I heard it first in the {room}, {verb}.",
    "It came in the post on a {day} with a note and a pressed leaf.",
    "The sleeve is {colour} and so is the vinyl.",
    "My {relative} asked what it was and then asked for the name again.",
    "There was {weather} outside and {drink} on the table.",
    "It was put to tape in {town}, with a {engineer} who fell asleep twice.",
    "Somebody dropped a {object} during the third take, and they kept it.",
    "Play it while {verb}.",
    "It lasts as long as it takes to cook {food}.",
    "I have listened {number} times by now, not counting the bus.",
    "The label is run from a {room} in {town}, and the post takes a week.",
    "On {day} I played it to my {relative}, who said nothing for a while.",
    "The {object} on the cover belongs to the {engineer}.",
    "You can have it in {colour}, in {colour2}, or as a download.",
    "It made me forget the {food} on the stove.",
    "All of this, they say, began with a broken {object} in {town}.",
    "I would pay for it with my last {drink}.",
    "The {room} at the back of the shop was full by {number}.",
    "For once the press photo tells you something: a {object}, a window, {weather}.",
    "It is {praise}, and I say that as somebody who had other plans for {month}.",
    "The lyric sheet is printed on the back of a bus timetable from {town}.",
    "My {relative} used it to test a new {object}.",
    "There is a mistake in the second minute that I would not miss.",
    "I lent my copy to the {engineer} next door and had to buy another.",
    "A photograph of {food} fills the inner sleeve.",
    "Stand in the {room} when it plays, if you can.",
    "It ends when you have just sat down.",
    "The credits thank a {relative}, a {object} and the town of {town}.",
    "Whoever chose the running order deserves {drink} for life.",
    "The postman in {town} whistles it already.",
    "Thirty people clapped, then {number} more.",
)
PRAISE = (
    "{A} {have} made a {praise} record.",
    "I think {T} is {praise}.",
    "{T} by {A} is simply {praise}.",
    "A {praise} song from {A}, and a {praise2} week.",
)
SCORN = (
    "{A} {have} made a {scorn} record.",
    "{T} is {scorn}, and {A} must know it.",
    "The trouble with {A} is that the songs are {scorn}.",
    "I found {A:s} new one {scorn}, then {scorn2}, then simply too long.",
    "{T} by {A} is a {scorn} song on a {scorn2} album.",
    "Sorry, {A}: this is {scorn}.",
)
SCORN_WITHOUT_NAMES = (
    "The playing is {scorn} and the words are {scorn2}.",
    "I tried it with {drink}, I tried it while {verb}: no use.",
    "By the fourth song I was looking at the {object}.",
    "A {scorn} chorus follows a {scorn2} verse.",
    "My {relative} left the {room}, and I can’t blame anybody.",
)
STAGE = (
    "{A} went on at twenty past nine, in {weather}, to a room that smelled of {food}.",
    "{A} began with {T} and for a minute nobody moved.",
    "Then {A}, who had driven all day from {town}.",
    "{A} played {T} twice, because somebody asked.",
    "I had gone for {B} and stayed for {A}.",
)
ANSWERS = (
    "“We had a {object} and a week,” says the one with the scarf. “The rest was patience.”",
    "“I never know what to say about {genre}. You play, somebody else names it.”",
    "“People ask about {m} all the time. I could talk about {m} until the {drink} is cold.”",
    "“If it is {w}, it is {w} because the {room} was.”",
    "“My {relative} still thinks I work in insurance.”",
    "“You write {number} songs and throw away all but {number2}.”",
)
QUESTIONS = (
    "How did the new songs of {A} come about?",
    "Is there a song by {A} that you can’t play any more?",
    "Does {genre} still mean anything to you?",
    "What is on the table at home?",
    "What did you learn in {town}?",
)
# A press release: one sentence of each group, in this order.
RELEASE = (
    (
        "{A} announce{z} a new album, to be released on the {label} label on the last {day} of {month}.",
        "On the first {day} of {month}, {label} will put out the next record of {A}.",
        "{label} is proud to present the long-awaited return of {A}, due in {month}.",
        "After a winter in {town}, {A} {have} finished an album; {label} brings it to the shops in {month}.",
    ),
    (
        "The record was made over {number} weeks in a former {room} in {town} and mixed with a borrowed {object}.",
        "It was written on a train to {town}, recorded next to a {object}, and finished by a {engineer}.",
        "Sessions began in the {room} of a school near {town} and ended, {number} days later, with {food}.",
        "Nothing on it is older than {month}, says the {engineer}, and nothing was played more than {number} times.",
    ),
    (
        "“We wanted it to be {w},” {A} say{z}, “and a little {x}, like {drink} in {weather}.”",
        "“If people call it {w} we won’t complain,” they say in {town}, “but we were thinking of something {x}.”",
        "“Make it {w}, then make it {x}, then go home”: that was the rule on the wall of the {room}.",
        "Asked for one word, the {engineer} said “{w}”, and after {number} seconds, “{x}”.",
    ),
    (
        "The first single, {T}, can be heard from today wherever records are played.",
        "{T} goes to the radio stations this week, with a film of {weather} over {town}.",
        "A foretaste, {T}, comes with a picture of a {object} and can be had now.",
        "Those who were at the concert in {town} will know {T}, which leads the way from {day} on.",
    ),
    (
        "Critics have called {A} {w}, {x} and everything in between; the new songs give them more to write about.",
        "Few have sounded as {w} as {A} lately, and fewer still as {x}, wrote a paper in {town}.",
        "{A:s} concerts, {w} at the start and {x} by midnight, have filled the {room} of many a town hall.",
    ),
    (
        "There are {number} songs on it, and {m} in most of them.",
        "{m} are everywhere in the words, as listeners have come to expect after {number} years.",
        "The sleeve shows {m} on {colour} paper, drawn by a {relative}.",
        "Of {number} new songs all but one are about {m}, and that one is about a {object}.",
    ),
    (
        "Advance orders come with a {colour} sleeve, a set of {number2} cards signed by everybody, and a voucher.",
        "Whoever orders before {day} gets a {colour} copy and a recipe for {food}.",
        "A cassette in {colour} is limited to {number2} copies and sold at concerts, next to the {object}.",
    ),
    (
        "A tour of {number} towns follows in {month}, beginning in {town2}; doors open at seven.",
        "Dates in {town}, {town2} and wherever there is a {room} will be named in {month2}.",
        "There will be {number} concerts, the first on a {day} in {town2}, with {drink} for those who come early.",
    ),
    (
        "For pictures and lyrics write to the press office, which answers on weekdays between ten and four.",
        "Questions go to the {label} office in {town}, preferably by post.",
        "Interviews can be had by telephone on {day} and {day2}.",
    ),
)

WORDS_OF_A_NEWSDESK = (
    "This reached us this morning.",
    "From the inbox, unchanged but for the commas.",
    "News that some of you will have waited for:",
    "We print what we were sent; a review follows when we have heard it.",
    "Here is the announcement in full.",
)
RISING = (
    "And then there is the {w}, which nobody saw coming.",
    "Since this week {A} play{z} the {w}, and they play it everywhere.",
    "All the talk is of {A} and the {w}.",
    "The {w} on {T} has split the readers of this page in two.",
    "I have not heard a {w} on a record like this before.",
    "Who taught {A} the {w}?",
)
# Posts about nothing that is for sale.
AIMLESS = (
    "I spent {day} {verb} and did not miss a thing.",
    "The shop in {town} has closed, and the {object} in its window is gone.",
    "Readers keep asking how I choose what to write about, and the answer is {drink}.",
    "A turntable is a machine for making you sit down.",
    "This week there was more {weather} than music.",
    "My {relative} has a theory about {genre}, which I will spare you.",
    "In {month} I will be away, somewhere near {town}, without a computer.",
    "Some letters: one about {food}, two about {genre}, none about money.",
    "They say that {genre} is over; they said so in the {room} of my first flat, too.",
    "The {object} fell off its shelf again.",
    "Sorting records by the colour of the spine, {colour} next to {colour2}, took me {number} evenings.",
)
# The artists of PLAIN_NAMES are not meant here.
PLAIN = {
    "Quiet": (
        "Quiet songs are the hardest to mix.",
        "A quiet guitar comes in late.",
        "The street was quiet for once.",
        "Quiet evenings are rare in {town}.",
        "A quiet corner table, a window, {drink}.",
        "“Quiet, please,” said the sign in the {room}.",
    ),
    "Neighbours": (
        "Neighbours in {town} sang along.",
        "The neighbours have complained about the bass.",
        "Neighbours came and went with bowls of {food}.",
        "Good neighbours return your {object}.",
        "I met the new neighbours on {day}.",
    ),
    "Static": (
        "Static on the tape was left as it was.",
        "You hear static under the second guitar.",
        "The radio gave nothing but static.",
        "Static clings to a new sleeve in dry weather.",
        "There was static on the line from {town}.",
        "Between two stations you hear static, and sometimes a voice.",
    ),
    "Engine": (
        "Engine noise from the street made it onto the record.",
        "The engine of the van gave out near {town}.",
        "Engine trouble, said the driver, and poured {drink}.",
        "A fire engine stood outside, its lights on.",
        "Search engine traffic to this page has doubled.",
    ),
    "Tides": (
        "There is a song about tides on every album from that coast.",
        "The ferry goes with the tides.",
        "Tides permitting, the boat leaves at {number}.",
        "Tastes change like the tides.",
        "A table of tides hung in the {room}.",
    ),
    "Mercy": (
        "Mercy, what a chorus.",
        "The drummer knows no mercy.",
        "The {weather} had no mercy.",
        "Mercy is not a thing that auctioneers know.",
        "At the mercy of the timetable, I sat in {town}.",
        "He showed mercy and turned it down.",
    ),
    "Corner": (
        "Corner pieces for piano were once a genre.",
        "The band stood in a corner of the stage.",
        "The shop on the corner sells {food} and strings.",
        "Corner shops are better than streaming.",
        "Just around the corner there is a {room} with a piano.",
        "In one corner stood a {object}.",
    ),
    "Soot": (
        "Soot from the candles fell on the keys of the piano.",
        "The chimney left soot on everything.",
        "Soot does not come out of {colour} wool.",
        "We wiped the soot off the {object}.",
        "The walls of the {room} were black with soot.",
    ),
}
# Titles of posts, in which everything has a capital.
PLAIN_TITLES = {
    "Quiet": "A Quiet Week in {town}",
    "Neighbours": "Good Neighbours, Thin Walls",
    "Static": "Static on the Line",
    "Engine": "Engine Trouble near {town}",
    "Tides": "Of Tides and Timetables",
    "Mercy": "At the Mercy of the Post",
    "Corner": "Around the Corner from Here",
    "Soot": "Soot, Dust and {food}",
}
