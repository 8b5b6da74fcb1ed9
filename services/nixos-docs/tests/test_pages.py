import unittest

from nixos_docs.pages import load, parse


class PagesTest(unittest.TestCase):
    def test_markup_is_not_part_of_the_text(self) -> None:
        page = parse("a", "# Title\n\nSome *text*\nwith [a link](https://example.org).\n\n    code\n")
        self.assertEqual(page.title, "Title")
        self.assertEqual(page.text, "Title\nSome text with a link.\ncode\n")
        self.assertIn("<h1>Title</h1>", page.html)

    def test_raw_html_is_escaped(self) -> None:
        self.assertNotIn("<script>", parse("a", "<script>alert(1)</script>").html)

    def test_every_page_has_a_title_and_text(self) -> None:
        pages = load()
        self.assertGreaterEqual(len(pages), 5)
        for slug, page in pages.items():
            self.assertNotEqual(page.title, slug)
            self.assertGreater(len(page.text), 200)


if __name__ == "__main__":
    unittest.main()
