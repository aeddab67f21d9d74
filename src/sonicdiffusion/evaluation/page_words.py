"""What the numbers of a report mean, in plain words, for readers of its page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A number's name and meaning.

    Args:
        label: what it is called.
        meaning: one sentence, empty if the label says it all.
        scale: "share" (0 to 1, shown in percent), "correlation" (-1 to 1) or empty.
        chance: what guessing would reach, if known.
    """

    label: str
    meaning: str = ""
    scale: str = ""
    chance: float | None = None


@dataclass(frozen=True)
class Section:
    """A measurement's title and meaning.

    Args:
        title: as a heading.
        meaning: what was asked of the model, and how it was found out.
        compares: whether its numbers may be held against published ones, and why.
    """

    title: str
    meaning: str = ""
    compares: str = ""


_OWN_SCALE = "Judged by the bundled judge, on Soundscapes: it does not compare with figures in the literature."
_EVENT_CHANCE, _PLACE_CHANCE = 1 / 12, 1 / 8

SECTIONS = {
    "speed": Section(
        "Speed",
        "Single pictures at default settings, after one to warm up.",
        "Depends on the machine, as all timings do.",
    ),
    "with_place": Section(
        "Sound and a place",
        "Pictures from a sound and a phrase that names a place. Does each show both?",
        _OWN_SCALE,
    ),
    "sound_alone": Section(
        "Sound alone",
        "Pictures from a sound without any text. Does it show what was heard, and more of it if it is intense?",
        _OWN_SCALE,
    ),
    "true_pictures": Section(
        "True pictures",
        "What a perfect model would score: the judge looks at the true pictures of the same scenes, as they are and "
        "after the model's autoencoder.",
        _OWN_SCALE,
    ),
    "controls": Section(
        "Controls",
        "What must not work: the sound switched off (strength 0), and every picture judged by another sound than it "
        "was made from.",
        _OWN_SCALE,
    ),
    "gain_alone": Section(
        "Loudness alone", "The same clip louder and quieter, everything else equal. Does the event grow?", _OWN_SCALE
    ),
    "likeness": Section(
        "Likeness and diversity",
        "How far the set of pictures is from true pictures of other scenes, and how much pictures of one sound differ.",
        "Distances in the judge's embedding, not in Inception's, do not compare with published FID or KID.",
    ),
    "held_out_phrasings": Section(
        "Unheard phrasings", "Places named in words that training never used for them.", _OWN_SCALE
    ),
    "mixtures": Section("Mixtures", "Two events in one sound. Are both in the picture?", _OWN_SCALE),
    "heat": Section(
        "Heat maps",
        "Where the model says that the sound acted, against the place where the event truly is.",
        _OWN_SCALE,
    ),
    "masks": Section("Masks", "A sound that may act in one half of the picture only. Does it keep to it?", _OWN_SCALE),
    "edits": Section(
        "Edits",
        "Pictures without their event, edited by its sound; the true edit is known. Each pair shows before and after.",
        _OWN_SCALE,
    ),
    "edit_curves": Section(
        "Edit strength", "Every method at several strengths: effect against preservation.", _OWN_SCALE
    ),
    "edit_speed": Section("Speed of an edit", "The default method against the published one, in pairs."),
    "baselines": Section("Baselines", "The model beside simpler ways of answering the same trials.", _OWN_SCALE),
    "data_set": Section(
        "Data set",
        "Pictures of the clips that a protocol lists, against the other pictures of the data set.",
        "A number compares with the literature only if its extractor does; the extractors are listed here.",
    ),
    "real_recordings": Section(
        "Real recordings",
        "Pictures of recordings that were not synthesised. Averages count every class the same. The recordings are "
        "not in this page, since they may not be published; their names and digests are.",
        "Judged by the bundled judge, on a set of its own: it does not compare with figures in the literature.",
    ),
}

WORDS = {
    "event": Word("event right", "The judge's first guess is the sound's event.", "share", _EVENT_CHANCE),
    "place": Word("place right", "The judge's first guess is the place asked for.", "share", _PLACE_CHANCE),
    "event_and_place": Word(
        "event and place right", "Both in the same picture.", "share", _EVENT_CHANCE * _PLACE_CHANCE
    ),
    "sound_found": Word(
        "sound found",
        "The picture is nearer to its own sound than to those of eleven other events, in the judge's embedding.",
        "share",
        _EVENT_CHANCE,
    ),
    "extent_follows_intensity": Word(
        "extent follows intensity",
        "Rank correlation between how intense the event was and how much of the picture it covers, within each event.",
        "correlation",
        0.0,
    ),
    "extent_follows_intensity_after_autoencoder": Word("the same, after the autoencoder", "", "correlation", 0.0),
    "extent_follows_intensity_over_all_events": Word("the same, over all events at once", "", "correlation", 0.0),
    "extent_follows_gain": Word(
        "extent follows loudness",
        "Rank correlation between a copy's gain and how much of the picture the event covers.",
        "correlation",
        0.0,
    ),
    "event_by_event": Word("event right, event by event", "", "share", _EVENT_CHANCE),
    "event_by_place": Word("event right, place by place", "", "share", _EVENT_CHANCE),
    "event_by_intensity": Word("event right, by the event's intensity", "", "share", _EVENT_CHANCE),
    "event_by_gain": Word("event right, by gain", "", "share", _EVENT_CHANCE),
    "by_event": Word("event by event"),
    "by_class": Word("class by class", "", "share", _EVENT_CHANCE),
    "after_autoencoder": Word("after the autoencoder"),
    "strength_0": Word("audio strength 0"),
    "both_events": Word("both events", "They are the judge's first two guesses.", "share", 1 / 66),
    "at_least_one": Word("at least one of them", "", "share"),
    "kernel_distance_in_judge_embedding": Word(
        "kernel distance (KID) in the judge's embedding",
        "0 for sets that cannot be told apart; it may fall below by chance.",
    ),
    "diversity_between_seeds": Word("diversity between seeds", "Mean distance between pictures of one sound."),
    "diversity_of_true_pictures_of_one_event": Word("diversity of true pictures of one event"),
    "iou": Word("overlap", "Intersection over union of the map's hot half and the event's true mask.", "share"),
    "iou_with_another_scene": Word(
        "overlap with another scene", "The same with another scene's mask: chance.", "share"
    ),
    "event_inside": Word("event inside the mask", "", "share", _EVENT_CHANCE),
    "event_outside": Word("event outside the mask", "", "share", _EVENT_CHANCE),
    "event_same_half_without_mask": Word("event in that half, without a mask", "", "share", _EVENT_CHANCE),
    "change_outside_to_inside": Word("change outside, against inside", "0 if nothing outside the mask changed."),
    "distance_outside": Word("distance outside", "Mean difference to the true edit outside the event, 0 to 1."),
    "distance_inside": Word("distance inside", "The same inside the event."),
    "reconstruction_error": Word("error of the inversion", "Mean squared, of latents inverted and sampled back."),
    "all": Word("all clips", "", "share", _EVENT_CHANCE),
    "choose": Word("half to choose by", "Clips by which checkpoints may be chosen.", "share", _EVENT_CHANCE),
    "report": Word("half to report", "Clips by which nothing was chosen.", "share", _EVENT_CHANCE),
    "explosion_and_thunder_merged": Word("explosion and thunder as one", "", "share"),
    "end_to_end": Word("sound to picture"),
    "end_to_end_with_place": Word("sound and place to picture"),
    "encoder_nearest_class": Word("encoder alone, nearest class"),
    "encoder_linear": Word("encoder alone, linear classifier"),
    "judge_hears": Word("the judge's own ear"),
    "seconds_a_picture": Word("seconds a picture", "Median."),
    "peak_memory_gigabytes": Word("peak memory, GB"),
    "ais": Word("AIS", "How near a picture is to its own sound, against other sounds."),
    "iis": Word("IIS", "How near a picture is to true pictures of its class, against others."),
    "aic": Word("AIC", "How often a picture's class is the one asked for."),
    "clip_score": Word("CLIP score", "How near a picture is to its text."),
    "fid": Word("FID", "Distance between the sets by mean and covariance; 0 for equal ones."),
    "kid": Word("KID", "Distance between the sets by a cubic kernel; 0 for sets that cannot be told apart, or below."),
    "cmmd": Word("CMMD", "Distance between the sets by a Gaussian kernel."),
    "density": Word("density", "How crowded with true pictures it is where the generated ones lie; about 1 is good."),
    "coverage": Word("coverage", "Share of true pictures that have a generated one near.", "share"),
    "event_right": Word("event right", "", "share"),
    "place_right": Word("place right", "", "share"),
    "time_right": Word("time of day right", "", "share"),
}

FACTS = {
    "model": "model",
    "weights_sha256": "weights (SHA-256)",
    "sonicdiffusion": "sonicdiffusion",
    "world": "version of the world",
    "pictures": "pictures",
    "judge_sha256": "judge (SHA-256)",
    "judge_learnt_from_world": "judge learnt from world",
}

HEADLINES = {
    "with_place.event_and_place": "sound and place: both right",
    "with_place.event": "sound and place: event right",
    "sound_alone.event": "sound alone: event right",
    "sound_alone.extent_follows_intensity": "extent follows intensity (correlation)",
    "held_out_phrasings.event_and_place": "unheard phrasings: both right",
    "mixtures.both_events": "two sounds: both in the picture",
    "edits.exact.event_and_place": "edits: event shown, place kept",
    "real_recordings.end_to_end.all": "real recordings: event right",
    "controls.strength_0.event": "control, sound off: event right",
    "controls.shuffled_sounds.event": "control, wrong sounds: event right",
}


def word(key: str) -> Word:
    """Return what a key of a report means; of one that is not known, its own words."""
    return WORDS.get(key) or Word(key.replace("_", " "))


def section(name: str) -> Section:
    """Return what a measurement is about; of one that is not known, its own words as the title."""
    return SECTIONS.get(name) or Section(name.replace("_", " ").capitalize())
