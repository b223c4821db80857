import openai

openai.api_key = "sk-reference"


class Model:
    def __init__(self, chat):
        self.chat = chat
        self.create = openai.ChatCompletion.create if chat else openai.Completion.create

    def run(self, text):
        if self.chat:
            return self.create(model="gpt-4", messages=[{"role": "user", "content": text}])["choices"][0]["message"]["content"]
        return self.create(model="davinci", prompt=text)["choices"][0]["text"]


print(Model(True).run("chat"))
print(Model(False).run("text"))
