"""Colours that stay apart for the colour-blind, in place of those of a taxonomy."""

from mass13k_tools.classes import Colour, Taxonomy

# Okabe and Ito, "Color Universal Design" (2008), in an order that suits people, houses, trees,
# ground, sky and water
COLOURS: tuple[Colour, ...] = (
    *((213, 94, 0), (230, 159, 0), (0, 158, 115), (204, 121, 167)),
    *((86, 180, 233), (0, 114, 178), (240, 228, 66), (160, 160, 160)),
)
SHADES = 3


def colour_blind_palette(taxonomy: Taxonomy) -> dict[str, Colour]:
    """Give each class a colour: black to the class for all else, shades to those beyond eight.

    Args:
        taxonomy: Whose classes.

    Returns:
        Id as text, as JSON has it -> RGB, 0..255.
    """
    named = [row.id for row in taxonomy.classes if row.id != taxonomy.rest_id]
    palette: dict[str, Colour] = {}
    for number, class_id in enumerate(named):
        rounds, place = divmod(number, len(COLOURS))
        palette[str(class_id)] = _shade(COLOURS[place], rounds % SHADES)
    if taxonomy.rest_id is not None:
        palette[str(taxonomy.rest_id)] = (0, 0, 0)
    return palette


def _shade(colour: Colour, shade: int) -> Colour:
    """Give a colour as it is, darker, or lighter."""
    red, green, blue = colour
    if shade == 1:
        return red // 2, green // 2, blue // 2
    if shade == SHADES - 1:
        return (red + 255) // 2, (green + 255) // 2, (blue + 255) // 2
    return colour
