from app.images import draw
from app.llm import ask, count_tokens, stream

if __name__ == "__main__":
    response = ask("hello from main")
    print(response["choices"][0]["message"]["content"], count_tokens(response))
    print("".join(stream("two modules")))
    print(draw("a bridge"))
