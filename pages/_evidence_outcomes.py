"""The evidence page: what others measured, study by study."""

import pandas as pd
import streamlit as st

from core.evidence import views
from core.evidence.charts import BELOW, BEST, SHARED, heat_map, size_chart
from core.evidence.outcomes import Study, studies
from pages._charts import spec_of
from pages._text import count, plain

TITLES = {
    "juodelyte2024_datasets": "Sources for MedMNIST, one network (2024)",
    "juodelyte2024_architectures": "Networks for MedMNIST, one source (2024)",
    "vandenbrandt2021_cats": "Cats, not CAT scans (2021)",
    "juodelyte2023_revisiting": "ImageNet against RadImageNet (2023)",
    "choice_intuitions_followup": "Follow-up of the survey (unpublished)",
}


def show_outcomes() -> None:
    """One study: where it was read, its heat map, what each target says, and larger-is-better put to the test."""
    st.markdown(
        "Which result a start gave, where somebody trained all of them. No study covers every task, and each holds for "
        "its own networks, training and number of images."
    )
    key = st.selectbox("Study", list(studies().studies), format_func=TITLES.get, key="evidence_study",
                       bind="query-params")  # fmt: skip
    verdicts = views.verdicts(key)
    _show_origin(studies().studies[key], verdicts)
    _show_heat_map(key, verdicts)
    _show_targets(key, verdicts)
    _show_size(key)


def _show_origin(study: Study, verdicts: pd.DataFrame) -> None:
    cells = views.cells(study.key)
    changing = "**Unpublished, may change; never in a report.** " if study.changing else ""
    st.caption(f"{changing}[{plain(study.citation)}]({study.address}) ({plain(study.licence)}).")
    starts = "network" if views.compares_architectures(study.key) else "source"
    origins = verdicts["origin"].nunique()
    same = "" if origins == len(verdicts) else ": some targets are the same images in another form and count as one"
    st.markdown(
        f"**{count(cells.query('~baseline')['start'].nunique(), starts)}, {count(len(verdicts), 'target')} from "
        f"{count(origins, 'data set')}**{same}. {_uncertainty(cells)}"
    )


def _uncertainty(cells: pd.DataFrame) -> str:
    folds = cells["folds"].max()
    if cells["ci_low"].notna().any():
        return f"95 % intervals over {folds:.0f} trainings each were published."
    if cells["std"].notna().any():
        return f"Standard deviations over {folds:.0f} folds were published."
    return "No uncertainty was published: each figure is one training, so small leads mean little."


def _show_heat_map(key: str, verdicts: pd.DataFrame) -> None:
    cells = views.cells(key)
    starts = [views.name_of(start) for start in views.mean_ranks(key).index]
    if cells["baseline"].any():
        starts.append(views.name_of(views.BASELINE))
    names = {target: views.name_of(target) for target in verdicts["target"]}
    named = cells.assign(start=cells["start"].map(views.name_of), target=cells["target"].map(names))
    st.vega_lite_chart(
        spec_of(heat_map, named, starts, list(names.values())),
        alt="AUC from every start on every target, as numbers in cells; the best of each target with a star",
    )
    legend = [
        f"{BEST} the best of its target; the darker, the nearer to it. Rows by mean rank; each data set counts once."
    ]
    if cells["gain"].notna().any():
        legend.append(f"{BELOW} and red: below the start without any source (negative transfer).")
    if cells["shared"].any():
        legend.append(f"{SHARED} The source holds images of the same data set, test patients perhaps among them.")
    st.caption("  \n".join(["Numbers: AUC, .5 is chance and 1 perfect.", *legend]))


def _show_targets(key: str, verdicts: pd.DataFrame) -> None:
    st.subheader("How much did the choice matter?", anchor=False)
    lead, spread = verdicts["lead"].median(), verdicts["range"].median()
    what = "network" if views.compares_architectures(key) else "source"
    st.markdown(
        f"From the best to the worst {what} it was **{spread:.1f} AUC points** on the median target, from the best to "
        f"the second **{lead:.1f}**. {_negative(verdicts)}"
    )
    st.dataframe(
        pd.DataFrame([_row(one, what) for one in verdicts.to_dict("records")]), hide_index=True, height="content",
        alt="Per target the best start, its lead, the range, and what was below the baseline",
    )  # fmt: skip
    for origin, some in verdicts.groupby("origin"):
        if note := studies().notes.get(origin):
            st.caption(f"{', '.join(map(views.name_of, some['target']))}: {note}")


def _negative(verdicts: pd.DataFrame) -> str:
    """How often a source was worse than none, or that it is not known."""
    if verdicts["negative"].isna().all():
        return "Whether a source was worse than none is unknown: the tables hold no start without a source."
    below = verdicts["negative"].map(len).sum()
    return (
        f"Worse than no source at all: **{below} of {verdicts['starts'].sum()}** pairs of source and target, by the "
        "published means; small differences may be chance."
    )


def _row(one: dict, what: str) -> dict:
    known = one["negative"] is not None
    return {
        "target": views.name_of(one["target"]),
        f"best {what}": views.name_of(one["best"]) + f" {SHARED}" * one["shared"],
        "AUC": f"{one['auc']:.3f}",
        "lead, AUC points": f"{one['lead']:.2f}",
        "best to worst": f"{one['range']:.2f}",
        "uncertainty of the best": _published(one),
        "best over no source": f"{one['gain']:+.2f}" if known else "unknown",
        "below no source": (", ".join(map(views.name_of, one["negative"])) or "none") if known else "unknown",
        "second": views.name_of(one["second"]),
        "images from": one["origin"],
    }


def _published(one: dict) -> str:
    if pd.notna(one["ci_low"]):
        return f"{one['ci_low']:.3f} to {one['ci_high']:.3f}"
    return f"SD {one['std']:.3f}" if pd.notna(one["std"]) else "not published"


def _show_size(key: str) -> None:
    st.subheader("Is larger better?", anchor=False)
    if views.compares_architectures(key):
        st.markdown("Not told by this study: every network was trained on the same source.")
        return
    sized = views.sizes(key)
    known = sized.dropna(subset="images")
    unknown = [views.name_of(start) for start in sized[sized["images"].isna()]["start"]]
    rho = views.size_helps(sized)
    if rho is None:
        st.markdown(
            f"Not told by this study: of its {count(len(sized), 'source')}, the catalogue knows the size of "
            f"{len(known)}, and fewer than {views.FEWEST} make no trend."
        )
        return
    small = known[~known["large"]]
    among = views.size_helps(small)
    st.markdown(
        f"Size and place agree with **Spearman's rho {rho:.2f}** over {len(known)} sources (1: the larger always ranks "
        f"higher, 0: size says nothing); without the three large sources {among:.2f} over {len(small)}. Sources differ "
        "in more than size, so this is no proof that size is the cause."
    )
    st.vega_lite_chart(spec_of(size_chart, known.assign(start=known["start"].map(views.name_of))),
                       alt="Mean rank of every source against its number of images")  # fmt: skip
    st.caption(
        "Images: as the records of the catalogue count them; training may have used fewer. "
        + (f"Size unknown: {', '.join(unknown)}." if unknown else "")
    )
