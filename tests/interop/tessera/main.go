// Writes a log with Tessera's POSIX driver, for Strongroom to verify, or to measure beside it.
//
//	tessera write FOLDER SIZE...   a log of entries "entry 0", "entry 1" and on, with a checkpoint kept at each size
//	tessera rate FOLDER CALLERS SECONDS BYTES BATCH AGE_MS   appends of CALLERS at once, in a closed loop; prints JSON
//
// FOLDER must not be there. In it: vkey, log/ as Tessera leaves it, and checkpoint.SIZE for every size of `write`.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const origin = "tessera.example/log"

type opened struct {
	appender *tessera.Appender
	reader   tessera.LogReader
	shutdown func(context.Context) error
}

func open(ctx context.Context, folder string, adjust func(*tessera.AppendOptions)) (opened, error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return opened{}, err
	}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return opened{}, err
	}
	if err := os.WriteFile(filepath.Join(folder, "vkey"), []byte(public), 0o644); err != nil {
		return opened{}, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return opened{}, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(folder, "log")})
	if err != nil {
		return opened{}, err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer)
	adjust(options)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	return opened{appender, reader, shutdown}, err
}

// write waits until a published checkpoint covers all entries of a size before it goes on to the next.
func write(ctx context.Context, folder string, sizes []int) error {
	log, err := open(ctx, folder, func(o *tessera.AppendOptions) {
		o.WithBatching(256, 10*time.Millisecond).WithCheckpointInterval(100 * time.Millisecond)
	})
	if err != nil {
		return err
	}
	await := tessera.NewPublicationAwaiter(ctx, log.reader.ReadCheckpoint, 20*time.Millisecond)
	at := 0
	for _, size := range sizes {
		var futures []tessera.IndexFuture
		for ; at < size; at++ {
			futures = append(futures, log.appender.Add(ctx, tessera.NewEntry([]byte(fmt.Sprintf("entry %d", at)))))
		}
		var checkpoint []byte
		for _, future := range futures {
			if _, checkpoint, err = await.Await(ctx, future); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("checkpoint.%d", size)), checkpoint, 0o644); err != nil {
			return err
		}
	}
	return log.shutdown(ctx)
}

type measured struct {
	Entries int     `json:"entries"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
}

func rate(ctx context.Context, folder string, callers int, length time.Duration, bytes, batch int, age time.Duration) error {
	log, err := open(ctx, folder, func(o *tessera.AppendOptions) { o.WithBatching(uint(batch), age) })
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	taken := make([][]time.Duration, callers)
	failed := make([]error, callers)
	start := time.Now()
	for caller := range callers {
		wait.Go(func() {
			for n := 0; time.Since(start) < length; n++ {
				entry := make([]byte, bytes)
				binary.BigEndian.PutUint64(entry, uint64(caller))
				binary.BigEndian.PutUint64(entry[8:], uint64(n))
				before := time.Now()
				if _, err := log.appender.Add(ctx, tessera.NewEntry(entry))(); err != nil {
					failed[caller] = err
					return
				}
				taken[caller] = append(taken[caller], time.Since(before))
			}
		})
	}
	wait.Wait()
	seconds := time.Since(start).Seconds()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	all := slices.Concat(taken...)
	slices.Sort(all)
	ms := func(part float64) float64 { return all[int(part*float64(len(all)-1))].Seconds() * 1000 }
	if err := json.NewEncoder(os.Stdout).Encode(measured{len(all), seconds, ms(0.5), ms(0.99)}); err != nil {
		return err
	}
	return log.shutdown(ctx)
}

func run(ctx context.Context, words []string) error {
	if len(words) < 3 {
		return errors.New("write FOLDER SIZE..., or rate FOLDER CALLERS SECONDS BYTES BATCH AGE_MS")
	}
	var numbers []int
	for _, word := range words[2:] {
		number, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		numbers = append(numbers, number)
	}
	switch {
	case words[0] == "write":
		return write(ctx, words[1], numbers)
	case words[0] == "rate" && len(numbers) == 5:
		length, age := time.Duration(numbers[1])*time.Second, time.Duration(numbers[4])*time.Millisecond
		return rate(ctx, words[1], numbers[0], length, numbers[2], numbers[3], age)
	}
	return fmt.Errorf("no such words: %q", words)
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
