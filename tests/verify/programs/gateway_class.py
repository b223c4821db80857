# host: gateway.example
import openai


class Client:
    def __init__(self, key, base="https://gateway.example/v1", model="gpt-4"):
        openai.api_key = key
        openai.api_base = base
        self.model = model
        self.cost = 0

    def ask(self, text):
        response = openai.ChatCompletion.create(model=self.model, messages=[{"role": "user", "content": text}])
        self.cost += response["usage"]["total_tokens"]
        return response["choices"][0]["message"]["content"]


client = Client("sk-class")
print(client.ask("one"), client.ask("two"), client.cost)
