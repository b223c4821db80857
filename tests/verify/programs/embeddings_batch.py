import math

import openai

openai.api_key = "sk-embeddings"
TEXTS = ["the cat", "a dog", "the cat sat"]


def embed(texts, model="text-embedding-ada-002"):
    texts = [t.replace("\n", " ") for t in texts]
    return [d["embedding"] for d in openai.Embedding.create(input=texts, model=model)["data"]]


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


vectors = embed(TEXTS)
print([len(v) for v in vectors])
print(["%.6f" % cosine(vectors[0], v) for v in vectors])
single = openai.Embedding.create(input="one text", model="text-embedding-ada-002")
print(single["data"][0]["embedding"][:3], single["usage"]["prompt_tokens"])
