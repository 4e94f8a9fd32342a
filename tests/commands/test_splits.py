"""Frames of one video stay on one side of the split."""

from mmmap.commands.splits import groups_of, split


def video(name, count):
    return [f'{name}_{k:05d}.jpg' for k in range(count)]


def test_series_of_names_are_groups():
    names = [*video('0001TP', 3), *video('Seq05VD-f', 2), 'cat.jpg']
    groups = groups_of(names)
    assert {key: len(group) for key, group in groups.items()} == {
        '0001TP': 3, 'Seq05VD-f': 2, 'cat': 1
    }  # fmt: skip


def test_folders_are_groups():
    assert set(groups_of(['a/1.jpg', 'a/2.jpg', 'b/x/1.jpg'])) == {'a', 'b/x'}


def test_no_series_is_on_both_sides():
    names = [n for k in 'abcdef' for n in video(f'drive-{k}', 10)]
    train, val, how = split(names)
    assert how == 'whole folders or series of names'
    assert len(val) == 10 and len(train) == 50
    assert len({name.split('_')[0] for name in val}) == 1
    assert sorted([*train, *val]) == sorted(names)


def test_one_series_is_cut_once():
    names = video('IMG', 20)
    train, val, how = split(names)
    assert (val, how) == (names[-3:], 'the end of the series')
    assert train == names[:-3]


def test_unrelated_names_are_drawn():
    names = [f'{letter}.png' for letter in 'abcdefghijkl']
    train, val, how = split(names)
    assert how == 'drawn at random'
    assert (len(train), len(val)) == (10, 2)
    assert split(names)[1] == val
    assert split(names, seed=3)[1] != val


def test_two_images_are_one_and_one():
    assert sorted(map(len, split(['a.png', 'b.png'])[:2])) == [1, 1]


def test_folders_that_are_named_so_are_the_parts():
    names = [f'training/{k}.jpg' for k in range(5)]
    names += [f'validation/{k}.jpg' for k in range(30)]
    train, val, how = split(names)
    assert (len(train), len(val)) == (5, 30)
    assert how == 'the folders training and validation'


def test_the_larger_folder_is_learnt_from():
    names = [f'a/{k}.jpg' for k in range(367)]
    names += [f'b/{k}.jpg' for k in range(101)]
    for seed in range(4):
        train, val, _ = split(names, seed=seed)
        assert (len(train), len(val)) == (367, 101)
