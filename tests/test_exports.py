"""The names through which something of the SDK leaves a module: whatever other files are looked at hangs on them."""

import textwrap

import pytest

from oaimigrate.config import Config
from oaimigrate.diagnostics import Export
from oaimigrate.engine import check_source
from oaimigrate.source import Source

SDK = "import openai\n"


def exports(code: str) -> dict[str, Export]:
    source = Source.from_text(SDK + textwrap.dedent(code), "module.py")
    return dict(check_source(source, Config(select=frozenset())).exports)


def names(code: str) -> dict[str, frozenset[str]]:
    return {name: export.words for name, export in exports(code).items()}


def test_a_class_that_only_makes_objects_of_itself_gives_nothing() -> None:
    code = """
        class Secret:
            @classmethod
            def from_dict(cls, data) -> "Secret":
                return cls(**data)

            def copy(self):
                return Secret()
    """
    assert names(code) == {}


def test_objects_that_make_each_other_give_what_one_of_them_holds() -> None:
    code = """
        class Left:
            def right(self):
                return Right()

        class Right:
            def left(self):
                return Left()
    """
    assert names(code) == {}
    held = (
        code
        + """
            def __init__(self):
                self.client = openai.OpenAI()
    """
    )
    assert names(held) == dict.fromkeys(("Left", "Right"), frozenset({".client"}))


def test_functions_that_return_each_other_end() -> None:
    code = """
        class Bot:
            def ping(self):
                return self.pong

            def pong(self):
                return self.ping, self.client

            client = openai.OpenAI()
    """
    assert names(code) == {"Bot": frozenset({".ping", ".pong", ".client"})}


def test_a_long_way_to_a_response_is_followed_to_its_end() -> None:
    steps = "".join(f"def step{n}():\n    return step{n + 1}\n" for n in range(9))
    code = steps + "def step9():\n    return openai.OpenAI().models.list()\n"
    assert names(code).keys() == {f"step{n}" for n in range(10)}


@pytest.mark.parametrize(
    "returned",
    ["[Holder()]", "(1, Holder())", "{'a': Holder()}", "[Holder() for _ in range(3)]", "Holder().client"],
)
def test_what_stands_in_a_container_counts(returned: str) -> None:
    code = f"""
        class Holder:
            client = openai.OpenAI()

        def give():
            return {returned}

        def other():
            return [1, ("a", 2)]
    """
    assert names(code) == {"Holder": frozenset({".client"}), "give": frozenset()}


def test_the_meaning_changes_with_what_is_given_and_with_nothing_else() -> None:
    def meaning(code: str) -> str:
        return exports(code)["Service"].meaning

    before = meaning(
        "class Service:\n    def __init__(self):\n        self.client = openai.OpenAI()\n        self.n = 1\n"
    )
    plain = meaning(
        "class Service:\n    def __init__(self):\n        self.n = 'a'\n        self.client = openai.OpenAI()\n"
    )
    more = meaning(
        """
        class Service:
            def __init__(self):
                self.client = openai.OpenAI()

            def ask(self):
                return self.client.models.list()
        """
    )
    assert before == plain != more


def test_classes_and_methods_of_the_sdk_leave_under_any_name() -> None:
    code = """
        from openai import OpenAI
        from openai.error import RateLimitError as Limit

        Chat = openai.ChatCompletion
        ask = openai.Completion.create
        errors = (openai.error.Timeout, openai.error.APIError)
        api = openai

        def chosen():
            return openai.ChatCompletion
    """
    assert names(code).keys() == {"OpenAI", "Limit", "Chat", "ask", "errors", "chosen"}


def test_what_a_class_inherits_counts_as_its_own() -> None:
    code = """
        class Base:
            def ask(self):
                return openai.OpenAI().models.list()

        class Middle(Base):
            pass

        class Bot(Middle):
            def name(self):
                return "bot"
    """
    assert names(code) == dict.fromkeys(("Base", "Middle", "Bot"), frozenset({".ask"}))


def test_what_a_member_gives_on_is_sought_by_the_last_word() -> None:
    code = """
        class Reply:
            def __init__(self, raw):
                self.raw = raw
                self.parts = [{"first": raw, "rest": 1}]

        class Bot:
            def ask(self) -> Reply:
                return Reply(openai.ChatCompletion.create())

            def again(self):
                return self.ask()

            another = again

        class Log:
            def blocking(self):
                return [Reply(openai.ChatCompletion.create())]

            def talk(self):
                return {"reply": Bot(), "text": "…", "length": 1}
    """
    assert names(code) == {
        "Reply": frozenset({".raw", '"first'}),
        "Bot": frozenset({".raw", '"first', ".ask"}),  # what makes a request is of interest by itself
        "Log": frozenset({".raw", '"first', ".ask", ".blocking"}),
    }


def test_an_object_of_an_object_that_need_only_be_called_is_sought_by_what_gives_it() -> None:
    code = """
        class Llm:
            def __call__(self, text):
                return openai.OpenAI().models.list()

        class Holder:
            def __init__(self):
                self.llm = Llm()

        class Twice:
            first, second = Holder(), Holder()
    """
    assert names(code) == {"Llm": frozenset(), "Holder": frozenset({".llm"}), "Twice": frozenset({".llm"})}


def test_an_object_that_need_only_be_called_is_looked_for_without_a_member() -> None:
    code = """
        class Llm:
            def __call__(self, text):
                return self.ask(text)

            def ask(self, text):
                return openai.OpenAI().models.list()

        class Once:
            def __init__(self):
                self.models = openai.OpenAI().models.list()
    """
    assert names(code) == {"Llm": frozenset(), "Once": frozenset({".__init__", ".models"})}


def test_the_value_of_a_setting_is_no_more_than_a_string() -> None:
    code = """
        key = openai.api_key
        options = {"key": openai.api_key, "base": openai.api_base}

        def api():
            return openai.api_version
    """
    assert names(code) == {}
