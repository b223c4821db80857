import openai

openai.api_key = "sk-completions"


def continuations(prompts, n=1):
    result = openai.Completion.create(
        model="text-davinci-003", prompt=prompts, n=n, stop=["\n", "END"], logprobs=2, echo=True, temperature=0)
    texts = {}
    for i, choice in enumerate(result["choices"]):
        texts.setdefault(i // n, []).append(choice["text"].strip())
        print(choice["index"], choice["finish_reason"], choice["logprobs"]["tokens"][:2])
    return texts


print(continuations(["a", "b b"], n=2))
print(continuations(["only"]))
