"""Common given and family names, by which columns of names are told from other words.

Pure data, in lower case. Names that are as often other words (May, Rose, Mark, King, Green, …) are
left out: a column of products or colours is not one of people.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abdul abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra
    alice alicia alina amanda amber amelia amir amy ana andrea andreas andrew angela anita
    anja anna anne antonio arjun arthur ashley astrid barbara beatriz ben benjamin bernd beth
    bianca birgit bjorn brandon brenda brian bruno camila carl carla carlos carmen carol
    caroline catherine cecilia charles charlotte chen chloe chris christian christina
    christine christopher claudia craig cynthia daniel daniela david deborah denise dennis
    diana diego dieter dmitri dominik donald donna dorothy douglas eduardo edward elena elif
    elizabeth ella ellen emil emilia emily emma emre eric erik erika ethan eva fabian farah
    fatima felix fernando finn florian frances francesca francisco frank franz frida gabriel
    gabriela gary george gerald giovanni giulia grace gregory gustavo hannah hans harold
    hassan heather heike helen helena helga henrik henry hiroshi ibrahim igor ines ingrid
    irene irina isaac isabel isabella ivan ivana jack jacob jacqueline jamal james jan jana
    jane janet jason javier jean jeffrey jennifer jens jeremy jerry jessica jing joan joao
    joel johan johannes john jonas jonathan jorge jose joseph joshua joyce juan judith juergen
    julia julian julie justin jürgen karen karin karl katharina katherine kathleen katja keith
    kelly ken kenji kenneth kevin khalid kim klaus kumar kurt kyle lars laura lauren lea lena
    leon leonard leonie li liam lina linda lisa logan louis lucas lucia luis luisa lukas maja
    manuel marco margaret maria marie marina mario marta martha martin martina mateo matthew
    matthias max maximilian megan mehmet mei melanie melissa mia michael michelle miguel mila
    mohamed mohammed monica monika muhammad nadia nancy natalia natalie natasha nathan
    nicholas nicole nikita nikolai nina noah nora olga oliver olivia omar oscar pablo pamela
    patricia patrick paul paula pedro peter petra philip philipp pierre priya rachel rafael
    rahul ralph ramon raymond rebecca renate ricardo richard rita robert roberto rodrigo roger
    roland ronald rosa ruth ryan sabine sakura samantha samuel sandra santiago sara sarah sean
    sebastian sergei sergio sharon shirley simon simone sofia sofie sonja sophia sophie stefan
    stefanie stephanie stephen steven sunita susan susanne sven svetlana sylvia tanja tanya
    tatiana teresa theodore theresa thomas tim timothy tobias tom tomas tyler ulrich ursula
    uwe valentina vanessa vera veronica victor victoria viktor vincent virginia vladimir
    walter wei werner william wolfgang xavier yasmin yuki yusuf zachary zoe zoey
    """.split()  # noqa: SIM905 - a list a word would be a page long
)

FAMILY_NAMES = frozenset(
    """
    adams aguilar ahmed alexander allen almeida alvarez anderson andersson bailey barnes bauer
    becker bennett bergmann bianchi brooks bryant campbell carter castillo chavez clark
    collins colombo cooper costa cox cruz davis diaz dubois dupont edwards eriksson esposito
    evans fernandez ferrari fischer flores foster garcia gomez gonzales gonzalez gray griffin
    gupta gutierrez hamilton hansen harris hartmann hayes henderson hernandez herrera hoffmann
    howard huber hughes ivanov jackson jansen jenkins jensen jimenez johansson johnson jones
    kaiser karlsson kelly kim klein koch kowalski krause kumar larsen lee lefebvre lehmann
    lewis lopez marino martin martinez mayer mcdonald medina mehta meier mendoza meyer miller
    mitchell molina moore morales moreau moreno morgan morris mueller muller murphy myers
    müller nakamura nelson neumann nguyen nielsen novak nowak oliveira olsen ortiz owens
    papadopoulos parker patel pereira perez perry peters petersen peterson petrov phillips
    popov powell price ramirez ramos reed reyes reynolds ricci richards richardson richter
    ritchie rivera roberts robinson rodriguez rogers romano romero rossi ruiz russell russo
    sanchez sanders santos sato schmid schmidt schmitt schneider schroeder schröder schulz
    schwarz schäfer scott shah sharma silva simmons singh smirnov smith sousa stewart sullivan
    suzuki svensson takahashi tanaka taylor thomas thompson thomson torres tran tremblay
    vargas vazquez virtanen wagner walker wang ward watanabe watson weber weiss white wilson
    wolf wood wright yamamoto yang yilmaz young zhang zimmermann
    """.split()  # noqa: SIM905 - a list a word would be a page long
)
