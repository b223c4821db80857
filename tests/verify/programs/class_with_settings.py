import openai


class Assistant:
    def __init__(self, api_key, organization=None, system="Be brief."):
        openai.api_key = api_key
        if organization:
            openai.organization = organization
        self.messages = [{"role": "system", "content": system}]
        self.last = None

    def ask(self, text):
        self.messages.append({"role": "user", "content": text})
        self.last = openai.ChatCompletion.create(model="gpt-4", messages=self.messages)
        reply = self.last["choices"][0]["message"]["content"]
        self.messages.append({"role": "assistant", "content": reply})
        return reply

    @property
    def tokens(self):
        return self.last["usage"]["total_tokens"] if self.last else 0


assistant = Assistant("sk-assistant", organization="org-1")
print(assistant.tokens)
print(assistant.ask("first"))
print(assistant.ask("second"), assistant.tokens)
