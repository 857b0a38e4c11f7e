"""Codebooks: k-means finds what is there, more codes lose less, tokens and places are in order."""

from itertools import pairwise

import pytest
import torch

from zeroconv.comparisons.vector_quantised import Codebook, condition_points, latent_points, to_latents
from zeroconv.errors import UserError


def points(count: int = 600) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 4, generator=generator)


def found(codes: int, among: torch.Tensor) -> Codebook:
    book = Codebook(codes, among.shape[-1])
    book.find(among)
    return book


def test_more_codes_lose_less() -> None:
    among = points()
    errors = [
        float((found(codes, among)(found(codes, among).tokens(among)) - among).square().mean())
        for codes in (2, 8, 32, 128)
    ]
    assert errors[0] < among.square().mean()
    assert all(fewer > 1.2 * more for fewer, more in pairwise(errors))


def test_the_nearest_code_is_found() -> None:
    among = points()
    book = found(32, among)
    nearest = torch.cdist(among, book.codes).argmin(dim=1)
    assert torch.equal(book.tokens(among), nearest)
    assert torch.equal(book.tokens(among.view(20, 30, 4)), nearest.view(20, 30))
    assert torch.equal(book.tokens(book.codes), torch.arange(32))


def test_a_few_different_points_are_their_own_codes() -> None:
    colours = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    book = found(8, colours.repeat(50, 1))
    assert torch.allclose(book(book.tokens(colours)), colours)
    assert book.tokens(colours).max() < 3


def test_a_codebook_is_saved_and_needs_enough_points() -> None:
    again = Codebook(8, 4)
    again.load_state_dict(found(8, points()).state_dict())
    assert torch.equal(again.codes, found(8, points()).codes)
    with pytest.raises(UserError, match="8 codes needs as many points or more, got 5"):
        found(8, points(5))


def test_places_go_row_by_row() -> None:
    latents = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    assert torch.equal(latent_points(latents)[1, 7], latents[1, :, 1, 2])
    assert torch.equal(to_latents(latent_points(latents), 4), latents)
    condition = torch.zeros(1, 1, 32, 32)
    condition[0, 0, 8:12, 20:24] = 1  # of the place at row 1, column 2 the upper right quarter
    seen = condition_points(condition, 4)
    assert seen.shape == (1, 16, 16)
    assert seen[0, 6].nonzero()[:, 0].tolist() == [2, 3, 6, 7] and seen.sum() == 4
