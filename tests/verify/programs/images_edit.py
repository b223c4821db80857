import openai

openai.api_key = "sk-images"
for name in ("photo.png", "mask.png"):
    with open(name, "wb") as out:
        out.write(b"\x89PNG " + name.encode())
edited = openai.Image.create_edit(
    image=open("photo.png", "rb"), mask=open("mask.png", "rb"), prompt="add a hat", n=1, size="512x512"
)
print(edited["data"][0]["url"])
varied = openai.Image.create_variation(image=open("photo.png", "rb"), n=2)
print(len(varied["data"]), varied["data"][1]["url"])
