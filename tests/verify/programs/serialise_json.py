import json

import openai

openai.api_key = "sk-json"
response = openai.Completion.create(model="text-davinci-003", prompt="to json")
with open("answer.json", "w") as out:
    json.dump(response, out)
with open("answer.json") as file:
    data = json.load(file)
print(data["choices"][0]["text"], sorted(data))
print(json.dumps(response["usage"], sort_keys=True))
print(json.dumps(response.to_dict_recursive(), sort_keys=True))
