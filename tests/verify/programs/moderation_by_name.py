import openai

openai.api_key = "sk-moderation"


def check(text):
    result = openai.Moderation.create(input=text)["results"][0]
    return [name for name in ("hate", "violence", "sexual") if result["categories"][name]]


print(check("a nice day"), check("kill them"))
