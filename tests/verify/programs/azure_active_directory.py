import openai

openai.api_type = "azure_ad"
openai.api_base = "https://tickets.openai.azure.com"
openai.api_version = "2023-05-15"
openai.api_key = "eyJ0.token.of-a-directory"

response = openai.ChatCompletion.create(
    deployment_id="gpt-35", messages=[{"role": "user", "content": "with a token"}], temperature=0
)
print(response.choices[0].message.content)
