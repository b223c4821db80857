import base64

import openai

openai.api_key = "sk-images"
response = openai.Image.create(prompt="a lighthouse", n=2, size="256x256")
print([d["url"] for d in response["data"]], response["created"])
encoded = openai.Image.create(prompt="a lighthouse", response_format="b64_json")
with open("out.png", "wb") as out:
    out.write(base64.b64decode(encoded["data"][0]["b64_json"]))
print(open("out.png", "rb").read())
print(openai.Image.create(prompt="small")["data"][0].url)
