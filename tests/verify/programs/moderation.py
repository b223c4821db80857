import openai

openai.api_key = "sk-moderation"


def check(text):
    result = openai.Moderation.create(input=text)["results"][0]
    if result["flagged"]:
        return [result["categories"]["hate"], result["categories"]["violence"]]
    return []


print(check("a nice day"), check("kill them"))
response = openai.Moderation.create(input=["one", "kill two"], model="text-moderation-latest")
for result in response.results:
    print(result.flagged, result["category_scores"]["violence"], result["categories"]["self-harm"])
output = response["results"][1]
print(output["categories"]["hate/threatening"], response["model"])
