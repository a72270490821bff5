"""Words that tell what a name beside them is, or that a name is one of them. All folded."""


def word_set(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


# They hold sentences together, in the languages of Western Europe.
FILLERS = word_set(
    """
    a about after again all almost also always am an and another any anyone are around as at away be because
    been before both but by can could did do does down each else even ever every everybody everyone few first
    five for four from get go good great had has have he hello her here hers him his how i if in into is it its
    just last less let like many maybe me mine more most much my never new next no nobody none not nothing now
    of off oh ok okay on once one only or other our out over own perhaps please quite rather really right same
    she since six so some somebody something soon still such sure ten than thank thanks that the their them
    themselves then there these they thing things this those three thus to today tomorrow tonight too twice two
    under until up us very was we well were what when where which while who whom whose why will with without wow
    yeah year years yes yesterday yet you your yours s t d ll m re ve n o aber als auch auf aus bei das dass dem
    den der des die doch du ein eine er es fur hat ich ihr im ist ja mein mit nicht noch nur oder sich sie sind
    und uns von war wie wir zu zum au aux avec ce ces cette comme dans de elle en est et il ils je la le les
    leur mais mes moi mon ne nous ou par pas plus pour que qui sa se ses si son sur ta tes toi tu un une vous al
    como con cuando del donde el ella esta este hay las lo los mi mis nada nos para pero por ser sin sobre su
    sus te todo una uno y ya yo ao com da dos e ela ele em eu foi mas meu na nas nem os pela pelo sem seu tem um
    uma che chi ci cosa di dove gli ho io lui ma nel noi non per piu sei sono tra tutto
    """
)
# What people write of in music, and a dictionary of the 1990s does not hold.
MUSIC_WORDS = word_set(
    """
    acid album albums ambient band bands bandcamp blog bluegrass boombap breakbeat cassette chillwave cloud club
    chillout collab darkwave deathcore dj djs doom downtempo dreampop drone dub dubstep edm electro electronica
    electronics emo ep eps eurodance fm folktronica footwork funk garage gig gigs glitch goth grime grindcore
    grunge hardcore headphones hiphop house hyperpop idm indie indietronica industrial instrumental
    instrumentals jazz jungle kraut krautrock label leftfield live lofi lp lps mathcore mc metal metalcore
    minimal mixtape mixtapes modular neofolk newwave noise nu outro playlist pop postpunk postrock powerpop prog
    psych psychedelia punk rap rave reggae reggaeton remix remixes rnb rock sadcore screamo setlist shoegaze
    sideproject single singles ska slowcore sludge soul soundcloud soundtrack soundtracks spotify stoner
    supergroup surf swing synth synthpop synths synthwave techno thrash trance trap tunes turntable vaporwave
    vinyl vocals wave witchhouse youtube
    """
)
MONTHS_AND_DAYS = word_set(
    """
    january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday spring summer autumn winter
    """
)
# An artist's name comes next.
BEFORE_A_BAND = word_set(
    """
    band duo trio quartet group singer rapper producer ffo riyl feat ft featuring by act outfit project
    """
)
# One often does.
BEFORE_NAMES = word_set(
    """
    like love loved than of with to hear listen and from fans songwriter artist musician beside
    unlike alongside meets see saw seeing hearing heard loving listening
    """
)
# An artist's name often comes before.
AFTER_NAMES = word_set(
    """
    album albums record records song songs track tracks single ep lp gig gigs concert show tour frontman singer
    drummer guitarist bassist vocalist remix discography debut fans fan live cover covers feature influence
    influences moniker catalogue catalog material stuff
    """
)
EVENTS = word_set("gig gigs concert show tour live")  # of a place, too
VERBS_OF_MUSIC = word_set("made plays played sings sang returns returned sounds wrote opened closed covered")
# One thing does not do so: "Air are back".
VERBS_OF_MANY = word_set("are were have play sing announce return write make do")
VERBS_OF_RECORDS = word_set("released releases recorded records announced announces toured tours debuted")
IRREGULAR_PLURALS = word_set(
    "people men women children police media data mice teeth feet fish sheep folk folks youth geese criteria majority"
)
DETERMINERS = word_set(
    """
    a an this that his her my your our their its each every some no any these those
    """
)
# They have no capital inside a title.
SMALL_WORDS = word_set(
    """
    the a an of and in on at to for with from or but by as is i my your s t d ll re ve m n near der die das de
    la le du von und et
    """
)
# A title comes next.
BEFORE_TITLES = word_set(
    """
    song songs track tracks single singles tune tunes called titled entitled opener closer
    """
)
# Their point ends no sentence.
ABBREVIATIONS = word_set("mr mrs ms dr st jr sr mt vs feat ft no vol")
# They say of what kind an article is.
RUBRICS = word_set(
    """
    album albums artist best day conversation discover feature first hear heard in interview introducing its it listen
    live month mix mixtape new news now of on out playing playlist podcast premiere review reviews single song songs
    stream the this
    track tracks video watch week weekly year
    """
)
# A name before one of them, in capitals, goes on with it.
ENSEMBLES = word_set(
    "band choir collective duo ensemble experience group orchestra project quartet quintet septet sextet trio"
)
