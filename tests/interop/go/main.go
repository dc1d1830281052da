// Reads a log that Strongroom wrote, with the Go project's own note and tlog packages.
//
// The argument is a folder: vkey, checkpoint, tile/…, and proofs.json. It ends with 0 when every signature, tile and
// proof is right, and names the first that is not.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index  int64
	Entry  []byte
	Hashes []tlog.Hash
}

type consistency struct {
	Size   int64
	Root   tlog.Hash
	Hashes []tlog.Hash
}

type proofs struct {
	Inclusion   []inclusion
	Consistency []consistency
}

// tiles reads tiles by their tlog-tiles names, which leave out the height that sumdb's names have.
type tiles struct{ folder string }

func (tiles) Height() int { return 8 }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		name := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(t.folder, name))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func head(folder string) (tlog.Tree, error) {
	vkey, err := os.ReadFile(filepath.Join(folder, "vkey"))
	if err != nil {
		return tlog.Tree{}, err
	}
	verifier, err := note.NewVerifier(string(vkey))
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %q", lines)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func check(folder string) error {
	tree, err := head(folder)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(folder, "proofs.json"))
	if err != nil {
		return err
	}
	var given proofs
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles{folder})
	for _, p := range given.Inclusion {
		if err := tlog.CheckRecord(p.Hashes, tree.N, tree.Hash, p.Index, tlog.RecordHash(p.Entry)); err != nil {
			return fmt.Errorf("inclusion of %d: %w", p.Index, err)
		}
		own, err := tlog.ProveRecord(tree.N, p.Index, reader)
		if err != nil || !slices.Equal(own, p.Hashes) {
			return fmt.Errorf("inclusion of %d from tiles: %v", p.Index, err)
		}
	}
	for _, p := range given.Consistency {
		if err := tlog.CheckTree(p.Hashes, tree.N, tree.Hash, p.Size, p.Root); err != nil {
			return fmt.Errorf("consistency with %d: %w", p.Size, err)
		}
		own, err := tlog.ProveTree(tree.N, p.Size, reader)
		if err != nil || !slices.Equal(own, p.Hashes) {
			return fmt.Errorf("consistency with %d from tiles: %v", p.Size, err)
		}
	}
	fmt.Printf("%d inclusion, %d consistency\n", len(given.Inclusion), len(given.Consistency))
	return nil
}

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
