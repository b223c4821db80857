import openai

openai.api_key = "sk-audio"
with open("talk.m4a", "wb") as out:
    out.write(b"sound")
file = open("talk.m4a", "rb")
transcript = openai.Audio.translate("whisper-1", file)
file.close()
print(transcript["text"])
with open("talk.m4a", "rb") as raw:
    print(openai.Audio.transcribe_raw("whisper-1", raw, "named.mp3")["text"])
