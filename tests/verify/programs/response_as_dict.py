import openai

openai.api_key = "sk-dict"
response = openai.Completion.create(model="text-davinci-003", prompt="as dict")
print(sorted(response.keys()))
for key, value in sorted(response["usage"].items()):
    print(key, value)
plain = response.to_dict_recursive()
print(plain["choices"][0]["text"], isinstance(plain, dict))
