"""Random small models over open image sizes, in the text form."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

CHANNELS = 2
PADDING = st.sampled_from(("valid", "same"))

ONE = (
    st.builds(
        'Conv2D({}, ({}, {}), strides={}, padding="{}", name="{{name}}")({{x}})'.format,
        st.just(CHANNELS), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), PADDING,
    ),
    st.builds(
        'Conv2D({}, {}, dilation_rate={}, padding="{}", name="{{name}}")({{x}})'.format,
        st.just(CHANNELS), st.integers(1, 3), st.integers(1, 3), PADDING,
    ),
    st.builds(
        '{}Pooling2D({}, strides={}, padding="{}", name="{{name}}")({{x}})'.format,
        st.sampled_from(("Max", "Average")), st.integers(1, 4), st.integers(1, 3), PADDING,
    ),
    st.builds('UpSampling2D({}, name="{{name}}")({{x}})'.format, st.integers(1, 3)),
    st.builds(
        'Conv2DTranspose({}, {}, strides={}, padding="{}", name="{{name}}")({{x}})'.format,
        st.just(CHANNELS), st.integers(1, 3), st.integers(1, 3), PADDING,
    ),
    st.builds('ZeroPadding2D({}, name="{{name}}")({{x}})'.format, st.integers(0, 2)),
    st.builds('Cropping2D({}, name="{{name}}")({{x}})'.format, st.integers(0, 2)),
    st.builds("{{x}}[:, {}:{}]".format, st.integers(-3, 3), st.sampled_from(("", "-1", "9"))),
    st.builds("{{x}}[:, :, ::{}]".format, st.integers(1, 3)),
    st.just('ReLU(name="{name}")({x})'),
)  # fmt: skip
TWO = (
    st.just('Add(name="{name}")([{x}, {y}])'),
    st.just('Multiply(name="{name}")([{x}, {y}])'),
    st.just("{x} - {y}"),
    st.just('Concatenate(axis=1, name="{name}")([{x}, {y}])'),
)


@st.composite
def small_models(draw: Any, most: int = 8) -> str:
    """A model of one image ``x`` of open height and width, with at least one merge; it may work at no size."""
    lines = [f'x = Input(shape=(None, None, {CHANNELS}), name="x")']
    made = ["x"]
    used: set[str] = set()
    for number in range(draw(st.integers(2, most))):
        name = f"n{number}"
        joins = number and draw(st.booleans())
        x = made[-1] if draw(st.booleans()) else draw(st.sampled_from(made))
        y = draw(st.sampled_from(made)) if joins else x
        step = draw(st.one_of(*(TWO if joins else ONE)))
        lines.append(f"{name} = {step.format(name=name, x=x, y=y)}")
        made.append(name)
        used |= {x, y}
    last = made[-1], draw(st.sampled_from(made[:-1]))
    lines.append(f'y = Add(name="y")([{last[0]}, {last[1]}])')
    outputs = ["y", *(each for each in made[1:] if each not in used and each not in last)]
    return "\n".join([*lines, f"model = Model(x, [{', '.join(outputs)}])"])


def with_sizes(text: str, height: int | None, width: int | None) -> str:
    """The same model with the sizes of its image fixed."""
    return text.replace("shape=(None, None,", f"shape=({height}, {width},", 1)


def built(text: str) -> Any:
    """The Keras model of a text, by running it; raises what Keras raises."""
    import keras

    names = {**vars(keras.layers), **vars(keras)}
    exec(compile(text, "<model>", "exec"), names)
    return names["model"]
