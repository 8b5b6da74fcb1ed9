import tempfile
import unittest
from pathlib import Path

from aidb.search import Index, snippet
from aidb.store import Store


class SearchTest(unittest.TestCase):
    def test_rare_words_and_short_documents_rank_first(self) -> None:
        index = Index()
        index.add("a", "the ship sails")
        index.add("b", "the ship carries the crane and the ship's other cargo")
        index.add("c", "the quay")
        self.assertEqual([hit.id for hit in index.search("Ship")], ["a", "b"])
        self.assertEqual(index.search("the quay")[0].id, "c")
        self.assertEqual(index.search("nothing"), [])

    def test_replaced_and_removed_documents_are_not_found(self) -> None:
        index = Index()
        index.add("a", "old words")
        index.add("a", "new words")
        self.assertEqual(index.search("old"), [])
        index.remove("a")
        self.assertEqual(index.search("new"), [])

    def test_snippet_surrounds_the_first_match(self) -> None:
        self.assertEqual(snippet("short text", "text"), "short text")
        self.assertIn("needle", snippet("hay " * 200 + "needle" + " hay" * 200, "needle"))


class StoreTest(unittest.TestCase):
    def test_put_get_delete(self) -> None:
        store = Store()
        self.assertTrue(store.put("a", {"x": 1}))
        self.assertFalse(store.put("a", {"x": 2}))
        self.assertEqual(store.get("a"), '{"x": 2}')
        self.assertTrue(store.delete("a"))
        self.assertFalse(store.delete("a"))
        self.assertEqual(len(store), 0)

    def test_journal_survives_a_restart_and_a_torn_last_line(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "aidb.jsonl")
            store = Store(path)
            store.put("a", ["one\u2028", None])
            store.put("b", "two")
            store.delete("b")
            with path.open("ab") as journal:
                journal.write(b'{"key": "c", "value": "\xc3')
            store = Store(path)
            self.assertEqual(store.keys("", 10), ["a"])
            self.assertEqual(store.get("a"), '["one\u2028", null]')
            self.assertEqual(path.read_text().count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
