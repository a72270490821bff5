"""Words that tell nothing about music, however often they stand beside a name."""

_ENGLISH = """
a about above after again against ain all also although always am among an and another any anyone anything are aren as
at away back be became because become been before being below between both but by came can cannot come comes could
couldn did didn do does doesn doing don done down during each either else enough even ever every everyone everything
few for from further get gets getting give given gives go goes going gone got had hadn has hasn have haven having he
hence her here hers herself him himself his how however i if in indeed instead into is isn it its itself just keep
kept know known knows last least less let lets like likely ll long look looks lot lots made make makes making many may
maybe me might mine more most much must my myself near need needs never next no nobody none nor not nothing now of off
often on once one only onto or other others otherwise our ours out over own part perhaps put quite rather re really
said same saw say says see seem seems seen several shall she should shouldn since so some someone something sometimes
somewhat soon still such take taken takes than that the their theirs them themselves then there therefore these they
thing things think this those though three through thus to today together told too took toward towards tried two under
until up upon us use used uses using ve very via want wants was wasn way we well went were weren what whatever when
where whether which while who whole whom whose why will with within without won would wouldn yes yet you your yours
yourself it's that's he's she's don't doesn't didn't isn't wasn't aren't can't won't couldn't wouldn't shouldn't i'm
i've i'd i'll you're you've you'll we're we've they're they've there's what's let's haven't hasn't hadn't mr mrs ms dr
etc eg ie vs http https www com html monday tuesday wednesday thursday friday saturday sunday january february april
june july august september october november december four five six seven eight nine ten eleven twelve dozen twenty
thirty fifty hundred thousand first second third tonight yesterday tomorrow day days week weeks month months year
years hour hours minute minutes ago
"""

_GERMAN = """
aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein dem den der des die dies diese
dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch für gegen gibt hat hatte hier ich
ihr ihre im in ist ja jede jeder jetzt kann kein keine man mehr mein mich mir mit nach nicht noch nun nur ob oder ohne
schon sehr sein seine sich sie sind so über um und uns unter viel vom von vor war waren was weil wenn wer werden wie
wieder wir wird wo zu zum zur zwischen
"""

_FRENCH = """
ai ainsi après au aussi autre aux avant avec avoir bien car ce cela celle ces cet cette ceux chez comme dans de depuis
des deux dont du elle elles en encore entre est et été être eux fait il ils je la là le les leur leurs lui ma mais
même mes moi moins mon ne nos notre nous on ont ou où par pas peu peut plus pour que quel quelle qui sa sans se ses si
son sont sous sur ta te tes toi ton tous tout toute toutes très tu un une vos votre vous
"""

_SPANISH = """
al algo antes así aunque cada como con cual cuando de del desde donde dos el ella ellas ellos en entre era es esa ese
eso esta está estas este esto estos fue ha hasta hay la las le les lo los más me mi mientras muy nada ni no nos
nuestro o otra otro para pero poco por porque pues que qué quien se ser si sí sido sin sobre son su sus también tan
tanto te tiene todo todos tu un una uno unos y ya yo
"""

_PORTUGUESE = """
ao aos as até com como da das de dela dele do dos e ela elas ele eles em entre era essa esse esta este eu foi há isso
já lhe mais mas me mesmo meu minha muito na não nas nem no nos nós o os ou para pela pelo por porque quando que quem
se sem ser seu sua são só também te tem um uma você à às é
"""

_ITALIAN = """
ai al alla alle anche ancora che chi ci come con cosa così da dal dalla de degli dei del della delle di dopo dove due
e è ed era essere fra fino gli ha hanno ho i il in io la le lo loro lui ma mi mia mio molto ne nei nel nella no noi
non nostro o ogni per perché però più poi quando quella quello questa questo qui se sempre senza si solo sono sotto su
sua sue sugli sul sulla suo tra tutti tutto un una uno voi
"""

_DUTCH = """
aan al alles als altijd bij daar dan dat de der deze die dit doen door dus een en er ge geen haar had heb hebben heeft
hem het hier hij hoe hun ik in is ja je kan kon maar me meer men met mij mijn na naar niet nog nu of om omdat onder
ons ook op over te tegen toch toen tot u uit uw van veel voor want waren was wat we wel werd wie wij wordt zal ze zich
zij zijn zo zonder zou
"""

_SWEDISH = """
alla allt att av blev bli de dem den denna det detta din du där då efter ej eller en er ett från för ha hade han har
hennes henne hon hur här i icke inte jag ju kan man med men mig min mot mycket ni nu när någon något och om oss på
samma sedan sig sin ska skulle som så till under upp ut utan var vara vad vi vid vilka är över
"""

STOPWORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": _ENGLISH,
        "de": _GERMAN,
        "fr": _FRENCH,
        "es": _SPANISH,
        "pt": _PORTUGUESE,
        "it": _ITALIAN,
        "nl": _DUTCH,
        "sv": _SWEDISH,
    }.items()
}

# Adjectives, to a tagger, that say of no music how it is.
_PLAIN = """
able available best better certain clear different due early entire favourite favorite final first full general great
good high important late latest left little main major mere minor new nice old overall possible previous ready real
recent right second single small special sure third top true upcoming various whole worth
"""
PLAIN_ADJECTIVES = frozenset(_PLAIN.split())

# Characters that are no part of a telling word where words are written without spaces.
PLAIN_CHARACTERS = frozenset(
    "的了是在我你他她它們们也都就很和有這这那之與与及但而吧嗎吗呢啊個个著着過过把被讓让對对會会"
)
