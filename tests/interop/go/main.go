// Reads what Strongroom wrote, with the Go project's own note and tlog packages.
//
//	reader log FOLDER PUBLIC   a log: vkey and proofs.json in FOLDER, checkpoint and tile/… in PUBLIC
//	reader proof FOLDER        a proof without its log: vkey, entry and entry.tlog-proof in FOLDER
//
// It ends with 0 when every signature, tile, entry and proof is right, and names the first that is not.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
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

// openHead gives the tree of a signed checkpoint, once the key of FOLDER is found to have signed it.
func openHead(folder string, signed []byte) (tlog.Tree, error) {
	vkey, err := os.ReadFile(filepath.Join(folder, "vkey"))
	if err != nil {
		return tlog.Tree{}, err
	}
	verifier, err := note.NewVerifier(string(vkey))
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

func checkProofs(folder string, tree tlog.Tree, reader tlog.HashReader) (proofs, error) {
	var given proofs
	data, err := os.ReadFile(filepath.Join(folder, "proofs.json"))
	if err != nil {
		return given, err
	}
	if err := json.Unmarshal(data, &given); err != nil {
		return given, err
	}
	for _, p := range given.Inclusion {
		if err := tlog.CheckRecord(p.Hashes, tree.N, tree.Hash, p.Index, tlog.RecordHash(p.Entry)); err != nil {
			return given, fmt.Errorf("inclusion of %d: %w", p.Index, err)
		}
		own, err := tlog.ProveRecord(tree.N, p.Index, reader)
		if err != nil || !slices.Equal(own, p.Hashes) {
			return given, fmt.Errorf("inclusion of %d from tiles: %v", p.Index, err)
		}
	}
	for _, p := range given.Consistency {
		if err := tlog.CheckTree(p.Hashes, tree.N, tree.Hash, p.Size, p.Root); err != nil {
			return given, fmt.Errorf("consistency with %d: %w", p.Size, err)
		}
		own, err := tlog.ProveTree(tree.N, p.Size, reader)
		if err != nil || !slices.Equal(own, p.Hashes) {
			return given, fmt.Errorf("consistency with %d from tiles: %v", p.Size, err)
		}
	}
	return given, nil
}

// checkEntries holds every entry of every bundle against the tiles, which the reader has proven to make the root.
func checkEntries(public string, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 256 {
		count := min(256, tree.N-first)
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(count)}
		data, err := os.ReadFile(filepath.Join(public, "tile/entries/"+strings.TrimPrefix(tile.Path(), "tile/8/0/")))
		if err != nil {
			return err
		}
		places := make([]int64, count)
		for i := range places {
			places[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		hashes, err := reader.ReadHashes(places)
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("entry %d: an end within it", first+int64(i))
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:end]) != hash {
				return fmt.Errorf("entry %d: another hash", first+int64(i))
			}
			data = data[end:]
		}
		if len(data) > 0 {
			return fmt.Errorf("bundle %d: %d bytes more", first/256, len(data))
		}
	}
	return nil
}

func checkLog(folder, public string) error {
	signed, err := os.ReadFile(filepath.Join(public, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openHead(folder, signed)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles{public})
	given, err := checkProofs(folder, tree, reader)
	if err != nil {
		return err
	}
	if err := checkEntries(public, tree, reader); err != nil {
		return err
	}
	fmt.Printf("%d inclusion, %d consistency, %d entries\n", len(given.Inclusion), len(given.Consistency), tree.N)
	return nil
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "log":
		return checkLog(words[1], words[2])
	case len(words) == 2 && words[0] == "proof":
		return checkProof(words[1])
	}
	return errors.New("log FOLDER PUBLIC, or proof FOLDER")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
