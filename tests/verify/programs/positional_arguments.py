import io

import openai

openai.api_key = "sk-positional"

print(openai.Moderation.create("is this fine?")["results"][0]["flagged"])
with open("speech.mp3", "wb") as out:
    out.write(b"ID3 some sound")
with open("speech.mp3", "rb") as audio:
    print(openai.Audio.transcribe("whisper-1", audio)["text"])
with open("speech.mp3", "rb") as audio:
    print(openai.Audio.translate("whisper-1", audio).text)
print(openai.Model.retrieve("gpt-4")["id"])
upload = openai.File.create(io.BytesIO(b'{"prompt": "a"}\n'), "fine-tune")
print(openai.File.retrieve(upload["id"])["purpose"], openai.File.delete(upload["id"])["deleted"])
