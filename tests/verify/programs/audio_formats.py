import openai

openai.api_key = "sk-audio"
with open("talk.wav", "wb") as out:
    out.write(b"RIFF\x00\x01\x02\xff some sound")


def transcribe(**options):
    with open("talk.wav", "rb") as audio:
        return openai.Audio.transcribe(model="whisper-1", file=audio, **options)


print(transcribe()["text"])
print(transcribe(language="de", prompt="Names: Ada", temperature=0.2).text)
with open("talk.wav", "rb") as audio:
    print(openai.Audio.transcribe("whisper-1", audio, response_format="text"))
with open("talk.wav", "rb") as audio:
    print(openai.Audio.transcribe("whisper-1", audio, response_format="srt"))
with open("talk.wav", "rb") as audio:
    detailed = openai.Audio.transcribe("whisper-1", audio, response_format="verbose_json")
    print(detailed["duration"], detailed["segments"][0]["text"], [s["start"] for s in detailed["segments"]])
