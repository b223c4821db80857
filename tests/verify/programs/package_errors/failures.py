from openai.error import APIError, InvalidRequestError, RateLimitError, ServiceUnavailableError, Timeout

TRANSIENT = (APIError, RateLimitError, ServiceUnavailableError, Timeout)


class Busy(Exception):
    pass


class Rejected(Exception):
    pass


def translate(error):
    if isinstance(error, TRANSIENT):
        return Busy(error.http_status)
    if isinstance(error, InvalidRequestError):
        return Rejected(error.code)
    return error
