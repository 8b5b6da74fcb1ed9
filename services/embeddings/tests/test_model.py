import unittest

import numpy as np
from embeddings.model import embed, similarities


class ModelTest(unittest.TestCase):
    def test_rows_have_length_one_and_empty_text_is_zero(self) -> None:
        rows = embed(["a ship at sea", ""], 64)
        self.assertEqual(rows.shape, (2, 64))
        self.assertAlmostEqual(float(np.linalg.norm(rows[0])), 1, places=5)
        self.assertFalse(rows[1].any())

    def test_the_same_text_is_the_same_everywhere(self) -> None:
        row = embed(["ship"], 8)[0]
        self.assertEqual(row.tolist(), [0, 0, 0, 0, 0, 0, 0, -1])
        np.testing.assert_array_equal(embed(["Ship"], 8)[0], row)

    def test_nearer_text_scores_higher(self) -> None:
        near, far = similarities("cargo ship", ["a ship with cargo", "a garden of roses"], 512)
        self.assertGreater(near, far)


if __name__ == "__main__":
    unittest.main()
