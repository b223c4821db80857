# reply: {"contains": "fails", "events": [{"choices": [{"index": 0, "delta": {"content": "so"}}]}, {"error": {"message": "overloaded"}}]}
import openai

openai.api_key = "sk-stream"
for prompt in ("works", "fails"):
    text = ""
    try:
        for chunk in openai.ChatCompletion.create(
            model="gpt-4", messages=[{"role": "user", "content": prompt}], stream=True
        ):
            text += chunk["choices"][0]["delta"].get("content", "")
        print("whole:", text)
    except openai.error.APIError:
        print("broken after:", text)
