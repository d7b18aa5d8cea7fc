"""How alike stamps are: the table, the dies, and two of them over each other."""

from playwright.sync_api import Page, expect

from stamp2vec.values import DocumentResult
from tests.page.browser import cell


def test_the_table_has_the_values_and_opens_the_comparison(
    shown: Page, found: DocumentResult, pair: tuple[int, int]
) -> None:
    place = pair[0] - 1, pair[1] - 1
    assert found.probability is not None
    assert found.similarity is not None
    shown.locator("#tab-alike").click()
    expect(shown.locator("[role=gridcell]")).to_have_count(16)
    name = f"Stamps {pair[0]} and {pair[1]}"
    expect(cell(shown, pair)).to_have_attribute("aria-label", f"{name}: {found.probability[place]:.2f}")
    shown.locator("#matrix-kind").select_option("similarity")
    expect(cell(shown, pair)).to_have_text(f"{found.similarity[place]:.2f}")
    cell(shown, pair).click()
    expect(shown.locator("#compare-verdict")).to_have_text(f"{name} are of one die")
    expect(shown.locator("#compare-numbers")).to_contain_text(f"{found.probability[place]:.3f}, at a prior of 50 %")
    shown.keyboard.press("Escape")
    expect(shown.locator("#compare")).to_be_hidden()


def test_dies_are_named_and_lead_to_their_stamps(shown: Page, pair: tuple[int, int]) -> None:
    shown.locator("#tab-alike").click()
    die = shown.locator("#dies li")
    expect(die).to_have_count(1)
    expect(die).to_contain_text("Die ")
    die.get_by_role("button", name=f"Show stamp {pair[1]}").click()
    expect(shown.locator(".box[aria-pressed=true]")).to_contain_text(f"{pair[1]} ·")


def test_two_stamps_are_laid_over_each_other(shown: Page, pair: tuple[int, int]) -> None:
    first, second = pair[0] - 1, pair[1] - 1
    shown.locator(".card").nth(first).get_by_role("button", name="Compare").click()
    expect(shown.locator("#compare-b")).to_have_value(str(second))  # the one that is most like it
    expect(shown.locator("#compare-verdict")).to_have_class("verdict same")
    colours = {mode: _colours(shown, mode) for mode in ("overlaid", "differences")}
    assert colours["overlaid"]["both"] > 1000
    assert colours["overlaid"]["agrees"] == 0
    assert colours["differences"]["agrees"] > 5000
    assert colours["differences"]["contradicts"] < colours["differences"]["agrees"] / 100
    shown.locator("#compare-b").select_option(str(next(other for other in range(4) if other not in (first, second))))
    expect(shown.locator("#compare-verdict")).not_to_have_class("verdict same")
    expect(shown.locator("#compare-verdict")).not_to_have_text("Comparing …")


def _colours(page: Page, mode: str) -> dict[str, int]:
    """How many pixels of the drawing are near these colours."""
    page.locator(f"input[value={mode}]").check()
    counts: dict[str, int] = page.locator("#compare-canvas").evaluate(
        """canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const colours = {both: [55, 60, 70], agrees: [154, 225, 176], contradicts: [255, 96, 96]};
            const near = (i, colour) => colour.every((value, c) => Math.abs(data[i + c] - value) < 24);
            return Object.fromEntries(Object.entries(colours).map(([name, colour]) => {
                let count = 0;
                for (let i = 0; i < data.length; i += 4) count += near(i, colour);
                return [name, count];
            }));
        }"""
    )
    return counts


def test_blinking_shows_one_after_the_other(shown: Page) -> None:
    shown.locator(".card").first.get_by_role("button", name="Compare").click()
    shown.locator("input[value=blink]").check()
    canvas = shown.locator("#compare-canvas")
    for drawing in ("a", "b", "a"):
        shown.locator(f"#compare-canvas[data-drawing={drawing}]").wait_for()
    shown.emulate_media(reduced_motion="reduce")
    shown.locator("input[value=overlaid]").check()
    shown.locator("input[value=blink]").check()
    expect(canvas).to_have_attribute("data-drawing", "a")
    shown.wait_for_timeout(1500)  # nothing may happen by then
    expect(canvas).to_have_attribute("data-drawing", "a")
    shown.locator("#compare-flip").click()
    expect(canvas).to_have_attribute("data-drawing", "b")
