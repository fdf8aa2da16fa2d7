"""The similarity page: a sentence encoder of the user's reads the descriptions, too."""

import streamlit as st

from core.comparison import sentences
from core.errors import SourceScoutError
from core.settings import allowed_roots
from core.similarity.words import Sentences
from pages import _state


def ask_sentences(target: str, sources: dict[str, str], unrelated: list[str]) -> Sentences | None:
    """What the encoder in the folder that is asked for says of these texts; None until it has been asked."""
    with st.expander("Let a sentence encoder read the descriptions, too", key="meaning_sentences"):
        st.caption(
            "A network that was trained to place sentences of like meaning close to each other knows synonyms, which "
            "*Words* does not. It is as much a matter of taste: encoders disagree, and most read only the first few "
            "hundred words. It enters no distance."
        )
        if not sentences.installed():
            st.markdown(f"It needs a package that is not installed here: `pip install {sentences.PACKAGE}`")
            return None
        told = st.text_input(
            "Folder of the encoder", key="sentence_encoder", persist_state="session",
            placeholder="/models/all-MiniLM-L6-v2",
            help=f"A model of the package {sentences.PACKAGE}, for instance from `{sentences.GET_ONE}`. "
                 "It is read from this folder; nothing is fetched or sent.",
        )  # fmt: skip
        if not told:
            return None
        try:
            folder = sentences.model_folder(told, allowed_roots())
            found = sentences.known(folder, target, sources, unrelated)
            if found is None and st.button("Read the descriptions", icon=":material/translate:"):
                with st.spinner(f"{folder.name} reads {len(sources) + 1} descriptions"):
                    sentences.find(folder, target, sources)
                found = sentences.known(folder, target, sources, unrelated)
        except SourceScoutError as error:
            _state.show_error(error)
            return None
        if found:
            st.caption("What it found is in the table above, under *Sentences*.")
        return found
