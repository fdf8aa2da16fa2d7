"""DICOM files made on the spot, with a patient whose name and id must turn up nowhere."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

NAME, IDENTITY = "Quetzalcoatl^Ignatius", "MRN-77341X"
SECRETS = ("Quetzalcoatl", "Ignatius", "MRN-77341X", "19530417", "Saint Elsewhere", "ACC-55120Z")


def write_dicom(path: Path, values: np.ndarray, patient: str | None = IDENTITY, **elements) -> Path:
    """`values`: (H, W) or (F, H, W) grey, uint8, uint16 or int16; (H, W, 3) uint8 with samples=3 in `elements`.

    `elements` are keywords of DICOM elements; None leaves one out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = elements.pop("samples", 1)
    frames = len(values) if values.ndim == 3 and samples == 1 else 1
    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = elements.pop("syntax", ExplicitVRLittleEndian)
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.SOPInstanceUID = generate_uid()
    data.PatientName, data.PatientBirthDate = NAME, "19530417"
    data.InstitutionName, data.AccessionNumber, data.Modality = "Saint Elsewhere", "ACC-55120Z", "OT"
    data.PatientID = patient
    data.Rows, data.Columns = values.shape[:2] if samples == 3 else values.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = samples, "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.BitsAllocated = data.BitsStored = 8 * values.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    data["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        if value is None:
            del data[keyword]
        else:
            setattr(data, keyword, value)
    data.save_as(path, enforce_file_format=True)
    return path


def write_study(folder: Path, patients: int = 12) -> Path:
    """A folder with a label CSV: per patient two radiographs (one without suffix) and every fourth also a clip of 10
    frames. Class 1 is brighter in the middle. The path of the CSV."""
    rng, lines = np.random.default_rng(0), ["path,label"]
    for number in range(patients):
        label, patient = number % 2, f"{IDENTITY}{number}"

        def draw(*shape, label=label):
            values = rng.normal(1000, 200, shape)
            values[..., 8:24, 8:24] += 800 * label
            return values.clip(0, 4095).astype(np.uint16)

        window = {"WindowCenter": [1200, 40], "WindowWidth": [2400, 80]}
        write_dicom(folder / f"{number:02}" / "a.dcm", draw(32, 32), patient, **window)
        write_dicom(folder / f"{number:02}" / "IM0001", draw(32, 32), patient, **window)
        lines += [f"{number:02}/a.dcm,{label}", f"{number:02}/IM0001,{label}"]
        if number % 4 == 0:
            write_dicom(folder / f"{number:02}" / "clip.dcm", draw(10, 32, 32), patient)
            lines.append(f"{number:02}/clip.dcm,{label}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder / "labels.csv"
