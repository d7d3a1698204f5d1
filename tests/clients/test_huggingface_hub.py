"""huggingface_hub: InferenceClient with the server's URL in place of a model's name."""

import asyncio

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from support import BATCH, BROKEN, FOLDER, MODEL, PICTURES, URL, same

client = InferenceClient(model=URL, timeout=30)


def pairs(found):
    return [(one.label, one.score) for one in found]


@pytest.mark.parametrize("name", PICTURES)
def test_files(name):
    """The client sends the file with the type that its name tells. Hugging Face answers with five labels."""
    same(pairs(client.image_classification(FOLDER / name)), PICTURES[name], 5)


@pytest.mark.parametrize("picture", BATCH)
def test_bytes(picture):
    """The client sends no Content-Type."""
    same(pairs(client.image_classification(picture)), picture, 5)


def test_top_k():
    """With parameters the client sends base64 in JSON."""
    for top_k in (1, 3, 10):
        same(pairs(client.image_classification(FOLDER / "coffee.jpg", top_k=top_k)), PICTURES["coffee.jpg"], top_k)


def test_function_to_apply():
    found = client.image_classification(FOLDER / "coffee.jpg", top_k=3, function_to_apply="softmax")
    same(pairs(found), PICTURES["coffee.jpg"])


def test_model_in_the_path():
    same(pairs(client.image_classification(BATCH[0], model=f"{URL}/models/{MODEL}")), BATCH[0], 5)


def test_api_key_is_ignored_without_keys():
    keyed = InferenceClient(model=URL, api_key="a-key", timeout=30)
    same(pairs(keyed.image_classification(BATCH[0])), BATCH[0], 5)


def test_descriptions():
    """The client asks for these only of its own provider's endpoints."""
    endpoint = InferenceClient(model=URL, provider="hf-inference", timeout=30)
    assert endpoint.health_check()
    assert endpoint.get_endpoint_info()


def test_errors():
    def fails(ask):
        with pytest.raises(HfHubHTTPError) as caught:
            ask()
        assert 400 <= caught.value.response.status_code < 500
        assert caught.value.response.json()["error"]

    fails(lambda: client.image_classification(BROKEN))
    fails(lambda: client.image_classification(BROKEN, top_k=3))
    fails(lambda: client.image_classification(BATCH[0], top_k=0))
    fails(lambda: client.image_classification(BATCH[0], model=f"{URL}/models/another"))


def test_asyncio():
    async def ask():
        async with AsyncInferenceClient(model=URL, timeout=30) as client:
            found = await asyncio.gather(*(client.image_classification(picture, top_k=3) for picture in BATCH))
        for one, picture in zip(found, BATCH, strict=True):
            same(pairs(one), picture)

    asyncio.run(ask())
