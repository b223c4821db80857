import openai

from failures import translate

openai.api_key = "sk-package"


def answer(text):
    try:
        response = openai.Completion.create(model="davinci", prompt=text)
    except openai.error.OpenAIError as error:
        raise translate(error) from error
    return response["choices"][0]["text"]
