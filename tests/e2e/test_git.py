#!/usr/bin/env python3
"""git inside a session: everyday work, worktrees and submodules go; what would run later outside of
the session (hooks, configuration that names programs) can't be planted."""
import os

import nonolib

SETUP = "export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.org; set -e; "


def git(p, *args, cwd=None):
    q = p.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main",
               "-c", "protocol.file.allow=always", *args], cwd=cwd)
    assert q.returncode == 0, (args, q.stderr)
    return q.stdout


def repository(p, path):
    p.mkdir(path)
    path = os.path.join(p.work, path)
    git(p, "init", "-q", cwd=path)
    p.write(os.path.join(path, "file"), "one\n")
    git(p, "add", "file", cwd=path)
    git(p, "commit", "-q", "-m", "first", cwd=path)
    return path


def everyday(p, flags):
    repo = repository(p, "repo")
    out = p.inside(SETUP + """
    cd repo; git status --short
    echo two >> file; git diff --stat; git add file; git commit -q -m second
    git checkout -q -b topic; echo three > other; git add .; git commit -q -m third
    git checkout -q main 2>/dev/null || git checkout -q master; git merge -q topic
    git rebase -q topic; git stash list; git tag v1; git log --oneline | wc -l
    git mv other another; git commit -q -am moved; git rm -q another; git commit -q -m removed
    git reset -q --hard HEAD~1; git gc -q; git fsck 2>&1; git branch -d topic
    git config user.name Somebody; git config --get user.name
    echo x > file; git stash -q; git stash pop -q; git clean -qfd
    """, *flags)
    assert "\n3\n" in out or out.startswith("3\n") or "3" in out.split(), out
    assert "Somebody" in out, out
    assert git(p, "log", "--format=%s", cwd=repo).split("\n")[:2] == ["moved", "third"]
    assert "Somebody" in p.read(os.path.join(repo, ".git/config"))


def init_and_clone(p, flags):
    repo = repository(p, "repo")
    p.inside(SETUP + """
    git init -q new; cd new; echo a > a; git add a; git commit -q -m a; cd ..
    git clone -q repo copy; cd copy; echo b > b; git add b; git commit -q -m b
    git push -q origin HEAD:refs/heads/fromcopy; cd ..
    git clone -q --bare repo bare.git; git clone -q --mirror repo mirror.git
    """, *flags)
    for d in ("new", "copy", "bare.git"):
        assert git(p, "fsck", cwd=os.path.join(p.work, d)) is not None
    assert "fromcopy" in git(p, "branch", cwd=repo)


def worktree(p, flags):
    repo = repository(p, "repo")
    p.inside(SETUP + """
    cd repo; git worktree add -q ../tree -b side; cd ../tree; echo s > side; git add side; git commit -q -m side
    git status --short; cd ../repo; git worktree list; git worktree remove ../tree; git worktree prune
    """, *flags)
    assert "side" in git(p, "branch", cwd=repo)
    assert not os.path.exists(os.path.join(p.work, "tree"))


def inside_worktree(p, flags):
    """The workspace is a worktree: its repository lies outside of it, and git works all the same."""
    p.mkdir(os.path.join(p.outside, "main"))
    main = os.path.join(p.outside, "main")
    git(p, "init", "-q", cwd=main)
    p.write(main + "/file", "one\n")
    git(p, "add", "file", cwd=main)
    git(p, "commit", "-q", "-m", "first", cwd=main)
    git(p, "worktree", "add", "-q", p.work + "/tree", "-b", "side", cwd=main)
    q = p.run([p.bin, "run", "--silent", "--profile", "claude-code", "--allow-cwd",
               "--no-capability-elevation", *flags, "--", "/bin/sh", "-c",
               SETUP + "git status --short; echo two >> file; git commit -q -am second; git log --oneline | wc -l"],
              cwd=p.work + "/tree")
    assert q.returncode == 0 and q.stdout.split()[-1] == "2", q
    assert "second" in git(p, "log", "side", "--format=%s", cwd=main)


def submodule(p, flags):
    repository(p, "lib")
    repo = repository(p, "repo")
    p.inside(SETUP + """
    cd repo; git -c protocol.file.allow=always submodule --quiet add ../lib sub; git commit -q -m sub
    cd sub; echo more >> file; git commit -q -am more; cd ..; git commit -q -am bump; git submodule status
    """, *flags)
    assert git(p, "submodule", "status", cwd=repo).strip()
    assert os.path.isdir(os.path.join(repo, ".git/modules/sub"))


def more_worktrees(p, flags):
    """Several, moved, locked, repaired, removed; work goes on in them."""
    repo = repository(p, "repo")
    p.inside(SETUP + """
    cd repo; git worktree add -q ../a -b a; git worktree add -q ../b -b b; git worktree add -q --detach ../c
    git worktree lock ../a; git worktree unlock ../a; cd ../a; echo a > a; git add a; git commit -q -m a
    git stash list; echo more >> a; git stash -q; git stash pop -q; git commit -q -am more
    cd ../b; git merge -q a; git rev-parse --git-common-dir; git worktree list --porcelain >/dev/null
    cd ../repo; git worktree move ../c ../d; git worktree remove ../d; git worktree remove --force ../b; git worktree prune
    git worktree repair; git branch -D b; git log a --oneline
    """, *flags)
    assert git(p, "log", "a", "--format=%s", cwd=repo).split() == ["more", "a", "first"]
    assert sorted(os.listdir(repo + "/.git/worktrees")) == ["a"]


def more_submodules(p, flags):
    """add, update, sync, foreach, absorbgitdirs, deinit; clones with what they hold."""
    repository(p, "lib")
    repo = repository(p, "repo")
    p.inside(SETUP + """
    alias g='git -c protocol.file.allow=always'
    cd repo; g submodule --quiet add ../lib one; g submodule --quiet add --name second ../lib dir/two; git commit -q -m subs
    cd ../lib; echo x >> file; git commit -q -am x; cd ../repo
    g submodule --quiet update --remote; git commit -q -am bump; g submodule --quiet foreach 'git log -1 --format=%s'
    git submodule --quiet sync; git submodule --quiet deinit one; g submodule --quiet update --init; git submodule summary
    cd ..; g clone -q --recurse-submodules repo copy; cd copy; git submodule status; cd one; git checkout -q -b w; echo y > y; git add y; git commit -q -m y
    cd ../../repo
    git rm -q -f dir/two; git commit -q -m gone; git status --short
    """, *flags)
    assert os.path.isfile(os.path.join(repo, "one/.git"))
    assert "gone" in git(p, "log", "--format=%s", cwd=repo)


def history_work(p, flags):
    """rebase, cherry-pick, revert, bisect, notes, blame, archive, bundle, patches, gc, sparse checkout."""
    repo = repository(p, "repo")
    out = p.inside(SETUP + """
    cd repo; for i in 1 2 3 4 5 6; do echo $i >> log; git add log; git commit -q -m c$i; done
    GIT_SEQUENCE_EDITOR='sed -i 2s/pick/squash/' GIT_EDITOR=true git rebase -q -i HEAD~3
    git checkout -q -b side HEAD~2; echo s > s; git add s; git commit -q -m s; git rebase -q main; git checkout -q main
    git cherry-pick side >/dev/null; git revert --no-edit HEAD >/dev/null; git notes add -m note; git notes show
    git bisect start HEAD HEAD~4 >/dev/null; git bisect run sh -c 'test $(wc -l < log) -lt 5' >/dev/null; git bisect reset
    git blame log >/dev/null; git archive HEAD | tar t >/dev/null; git bundle create -q ../b.bundle --all; git bundle verify -q ../b.bundle; git fetch -q ../b.bundle main
    git format-patch -q -1 -o ../patches side; git checkout -q -b am HEAD~2; git am -q ../patches/*.patch; git checkout -q main
    echo z > z; git stash -q -u; git stash apply -q; git stash drop -q; git reset -q --hard; git clean -qfdx
    mkdir d e; echo d > d/f; echo e > e/f; git add .; git commit -q -m de; git sparse-checkout set d; ls; git sparse-checkout disable
    git gc -q --prune=now; git repack -q -a -d; git pack-refs --all; git reflog expire --expire=now --all; git fsck --no-progress
    git update-index --refresh -q; git maintenance run --quiet; git tag -a v1 -m v1; git describe
    git commit-graph write --no-progress; git rerere; git replace -l; git count-objects -v >/dev/null
    """, *flags)
    assert "note" in out and "v1" in out, out
    assert git(p, "fsck", cwd=repo) is not None


def settings(p, flags):
    """What people set in a repository's configuration goes, what would run something does not."""
    repo = repository(p, "repo")
    repository(p, "other")
    p.inside(SETUP + """
    cd repo; git config user.name N; git config --unset user.name; git config core.autocrlf false; git config pull.rebase true
    git config branch.main.description text; git remote add origin $PWD/../other; git remote rename origin up; git remote set-url up https://example.org/x.git; git remote set-url up $PWD/../other
    git fetch -q up; git branch -q --track t up/main; git branch --unset-upstream t; git branch -m t u; git branch -D u; git remote remove up
    git config --add remote.x.fetch '+refs/heads/*:refs/remotes/x/*'; git config --remove-section remote.x; git config extensions.worktreeConfig true
    git config --worktree core.sparseCheckout false; git config --list >/dev/null
    ! git config core.hooksPath h; ! git config alias.x '!true'; ! git config filter.a.smudge x; ! git config credential.helper x
    """, *flags)
    text = p.read(os.path.join(repo, ".git/config"))
    assert "autocrlf" in text and "hookspath" not in text.lower() and "helper" not in text and "smudge" not in text, text


# How a program may try to have something run later, outside. MARK must not come into being.
PLANTS = {
    "hook": "printf '#!/bin/sh\\ntouch MARK\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
    "hook by rename": "printf '#!/bin/sh\\ntouch MARK\\n' > x; chmod +x x; mv x .git/hooks/pre-commit",
    "hook by link": "printf '#!/bin/sh\\ntouch MARK\\n' > x; chmod +x x; ln x .git/hooks/pre-commit; "
                    "ln -s ../../x .git/hooks/post-commit",
    "hooks directory swapped": "mkdir h; printf '#!/bin/sh\\ntouch MARK\\n' > h/pre-commit; chmod +x h/pre-commit; "
                               "mv .git/hooks .git/old; mv h .git/hooks; rm -rf .git/hooks; ln -s ../h .git/hooks",
    "hooksPath": "mkdir h; printf '#!/bin/sh\\ntouch MARK\\n' > h/pre-commit; chmod +x h/pre-commit; "
                 "git config core.hooksPath h",
    "fsmonitor": "git config core.fsmonitor 'touch MARK; false'",
    "sshCommand, editor": "git config core.sshCommand 'touch MARK'; git config core.editor 'touch MARK;:'",
    "alias": "git config alias.status '!touch MARK'; git config alias.st '!touch MARK'",
    "config by hand": "printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' >> .git/config",
    "config by lock": "cp .git/config .git/config.lock; printf '[core]\\n\\tfsmonitor = \"touch MARK; false\"\\n' "
                      ">> .git/config.lock; mv .git/config.lock .git/config",
    "include": "printf '[core]\\n\\tfsmonitor = \"touch MARK; false\"\\n' > inc; git config include.path ../inc",
    "git directory swapped": "cp -r .git copy; printf '[core]\\n\\tfsmonitor = \"touch MARK; false\"\\n' >> copy/config; "
                             "mv .git old; mv copy .git",
    "filter": "git config filter.x.clean 'touch MARK; cat'; echo '* filter=x' > .gitattributes",
    "pager, diff": "git config core.pager 'touch MARK; cat'; git config diff.external 'touch MARK'",
    "case": "printf '[core]\\n\\tfsmonitor = \"touch MARK; false\"\\n' > .git/CONFIG; mkdir .GIT; "
            "printf 'x' > .GIT/config",
}


def plants(p, flags):
    """Each plant is tried inside; then git is used outside, as the person would."""
    for name, script in PLANTS.items():
        d = "r-" + name.replace(" ", "-").replace(",", "")
        repo = repository(p, d)
        mark = os.path.join(p.outside, "ran")
        p.inside("cd %s; { %s; } 2>/dev/null; true" % (d, script.replace("MARK", mark)), *flags)
        for args in (["status"], ["st"], ["add", "."], ["commit", "--allow-empty", "-m", "x"], ["log", "-1"],
                     ["diff", "HEAD"]):
            p.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "pager.log=true", *args],
                  cwd=repo, env={"GIT_EDITOR": "true"})
        assert not os.path.exists(mark), "%s: it ran outside" % name


def nested_plants(p, flags):
    """Repositories in repositories, submodules and worktrees are no way around."""
    repository(p, "lib")
    top = repository(p, "top")
    git(p, "submodule", "add", "-q", "../lib", "sub", cwd=top)
    git(p, "commit", "-q", "-m", "sub", cwd=top)
    git(p, "worktree", "add", "-q", "../wt", "-b", "wt", cwd=top)
    repository(p, "top/deep/nested")
    mark = os.path.join(p.outside, "ran")
    hook = "printf '#!/bin/sh\\ntouch %s\\n' > $h; chmod +x $h" % mark
    config = "printf '[core]\\n\\tfsmonitor = \"touch %s; false\"\\n' >> $c" % mark
    p.inside("for h in top/deep/nested/.git/hooks/pre-commit top/.git/modules/sub/hooks/pre-commit; do %s; done;"
             "for c in top/deep/nested/.git/config top/.git/modules/sub/config top/.git/worktrees/wt/config.worktree;"
             " do %s; done; echo 'gitdir: /tmp/evil' > top/sub/.git; true" % (hook, config), *flags)
    for d in ("top", "top/sub", "top/deep/nested", "wt"):
        for args in (["status"], ["commit", "--allow-empty", "-q", "-m", "x"]):
            p.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *args], cwd=os.path.join(p.work, d))
        assert not os.path.exists(mark), d
    assert p.read("top/sub/.git").startswith("gitdir: ../.git/modules/sub"), p.read("top/sub/.git")


def switched_off(p):
    """--no-protect-workspace lets it."""
    repo = repository(p, "repo")
    p.inside("cd repo; printf '#!/bin/sh\\n' > .git/hooks/pre-commit; git config core.editor x",
             "--no-protect-workspace")
    assert os.path.exists(repo + "/.git/hooks/pre-commit")


nonolib.main(sum((nonolib.both(f) for f in (everyday, init_and_clone, worktree, inside_worktree, submodule,
                                           more_worktrees, more_submodules, history_work, settings,
                                           plants, nested_plants)), []) + [switched_off])
