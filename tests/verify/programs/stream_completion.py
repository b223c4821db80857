import openai

openai.api_key = "sk-stream"
text = ""
for event in openai.Completion.create(engine="davinci", prompt="once upon a time", stream=True, max_tokens=30):
    piece = event["choices"][0]["text"]
    text += piece
    print(len(piece), event["choices"][0]["finish_reason"])
print(text)
