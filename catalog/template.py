"""What `spec` of Backstage's kind Template may say, as its scaffolder demands it. Nothing of it is run here.

Source of the shape: Template.v1beta3.schema.json of @backstage/plugin-scaffolder-common
"""

from typing import Any

from pydantic import Field

from catalog.rules import Fields, Text

Condition = str | bool


class Permissions(Fields):
    tags: tuple[str, ...] = ()


class Parameters(Fields):
    permissions: Permissions = Field(Permissions(), alias="backstage:permissions")


class Step(Fields):
    action: str
    id: str = ""
    name: str = ""
    input: dict[str, Any] = {}
    condition: Condition = Field("", alias="if")
    permissions: Permissions = Field(Permissions(), alias="backstage:permissions")


class Decorator(Fields):
    id: str = ""
    input: dict[str, Any] = {}


class Secrets(Fields):
    of: dict[str, Any] = Field({}, alias="schema")


class ButtonLabels(Fields):
    backButtonText: str = ""
    createButtonText: str = ""
    reviewButtonText: str = ""


class Presentation(Fields):
    buttonLabels: ButtonLabels = ButtonLabels()


class Recovery(Fields):
    EXPERIMENTAL_strategy: str = ""


class Output(Fields):
    condition: Condition = Field("", alias="if")
    title: Text = ""
    icon: Text = ""


class OutputLink(Output):
    url: Text = ""
    entityRef: Text = ""


class OutputText(Output):
    content: str = ""


class Outputs(Fields):
    """Any other key is a text that is filled in."""

    __pydantic_extra__: dict[str, str] = Field(init=False)
    links: tuple[OutputLink, ...] = ()
    text: tuple[OutputText, ...] = ()


class TemplateSpec(Fields):
    type: Text
    steps: tuple[Step, ...]
    owner: Text = ""
    lifecycle: Text = ""
    parameters: Parameters | tuple[Parameters, ...] = ()
    secrets: Secrets = Secrets()
    presentation: Presentation = Presentation()
    recovery: Recovery = Field(Recovery(), alias="EXPERIMENTAL_recovery")
    formDecorators: tuple[Decorator, ...] = ()
    decorators: tuple[Decorator, ...] = Field((), alias="EXPERIMENTAL_formDecorators")
    output: Outputs = Outputs()
