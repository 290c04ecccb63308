package settings

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Source is where a configuration came from, to name in errors. The zero value is
// defaults alone.
type Source struct {
	path     string            // of the file, "" for none
	document yaml.Node         // what it holds
	over     map[string]origin // what wins over it, by the flag's name
}

// origin is a flag or a variable, as it is written.
type origin string

// Read reads the command line, the environment and the file into c, checks the
// whole, and returns the clusters that its stores are kept in.
func (c *Config) Read(fs *flag.FlagSet, file *string, args []string) ([]Cluster, error) {
	if err := cmdline.NoWords(fs, args); err != nil {
		return nil, err
	}
	src, err := c.Settle(fs, file)
	if err != nil {
		return nil, err
	}
	return c.Check(src)
}

// Settle reads what the flags, the environment and the file say into c.
func (c *Config) Settle(flags *flag.FlagSet, file *string) (Source, error) {
	onLine := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { onLine[f.Name] = true })
	var src Source
	err := settle(flags, func() (err error) {
		if path := *file; path != "" {
			src, err = c.Load(path)
		}
		if errors.Is(err, fs.ErrNotExist) && !onLine["config"] {
			err = fmt.Errorf("%w; environment variable %s names this one", err, Variable(flags, "config"))
		}
		return err
	})
	src.over = map[string]origin{}
	flags.Visit(func(f *flag.Flag) {
		src.over[f.Name] = origin("environment variable " + Variable(flags, f.Name))
		if onLine[f.Name] {
			src.over[f.Name] = origin(cmdline.Dashed(f.Name))
		}
	})
	c.trimSecrets()
	return src, err
}

// Load reads a file into c. An unknown field or a value of the wrong type is an
// error that names the line and the field.
func (c *Config) Load(path string) (Source, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Source{}, fmt.Errorf("read the configuration: %w; name another file with --config", err)
	}
	src := Source{path: path}
	documents := yaml.NewDecoder(bytes.NewReader(data))
	if err := documents.Decode(&src.document); err != nil {
		if errors.Is(err, io.EOF) { // an empty file changes nothing
			err = nil
		}
		return src, src.wrap(err)
	}
	var second yaml.Node
	if err := documents.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return src, src.wrap(err)
		}
		return src, fmt.Errorf("%s:%d: a second document begins here: a configuration is one document, without --- inside", path, second.Line)
	}
	if err := src.fits(c); err != nil {
		return src, err
	}
	if err := src.document.Decode(c); err != nil {
		return src, src.wrap(err)
	}
	c.trimSecrets()
	return src, nil
}

var (
	// yamlError takes apart what yaml says: "line 7: found a tab".
	yamlError = regexp.MustCompile(`^line (\d+): (.*)$`)

	// yamlAnchor is a complaint that shows a value which may be a password.
	yamlAnchor = regexp.MustCompile("(?s)unknown anchor '.*' referenced")
)

// wrap names the file, and the first line that yaml complains about.
func (s Source) wrap(err error) error {
	if err == nil {
		return nil
	}
	var several *yaml.TypeError
	if errors.As(err, &several) { // fits looks at types and names them: what it lets pass is shown to nobody
		return fmt.Errorf("%s: a value has the wrong type", s.path)
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = yamlAnchor.ReplaceAllString(text, "unknown anchor: a value that begins with * must be in quotes")
	if m := yamlError.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s", s.path, m[1], m[2])
	}
	return fmt.Errorf("%s: %s", s.path, text)
}

// errorf says what is wrong with the setting at path, in the file's words (stores,
// orders, mode), and where its value came from: the file's line, the flag or the
// variable. What the command line says is a usageError.
func (s Source) errorf(path []string, format string, args ...any) error {
	text := fmt.Sprintf("%s: %s", strings.Join(path, "."), fmt.Sprintf(format, args...))
	if over := s.origin(path); over != "" {
		return cmdline.UsageError(string(over) + ": " + text)
	}
	if s.path == "" {
		return errors.New(text)
	}
	return fmt.Errorf("%s:%d: %s", s.path, s.line(path), text)
}

// named returns a setting's name and, if that is not the file, where its value
// came from.
func (s Source) named(path ...string) string {
	name := strings.Join(path, ".")
	if over := s.origin(path); over != "" {
		name += " (" + string(over) + ")"
	}
	return name
}

// origin returns what wins over the file for a setting, or for a part of it; ""
// if the file has it, or nobody.
func (s Source) origin(path []string) origin {
	if path[0] == "stores" {
		return "" // they have no flags
	}
	name := strings.ReplaceAll(strings.Join(path, "-"), "_", "-")
	name = strings.Replace(name, "-tls", "", 1)
	if name == "http" {
		name = "http-addr"
	}
	return s.over[name]
}

// says reports whether the file has a value for a setting.
func (s Source) says(path ...string) bool {
	_, value := s.find(path)
	return value != nil && !isNull(value)
}

// SaysOf returns those settings that the file has a value for.
func (s Source) SaysOf(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !s.says(name) })
}

// line returns the line of the setting at path, or of the part of the path that
// is there.
func (s Source) line(path []string) int {
	line, _ := s.find(path)
	return max(line, 1)
}

// find returns the value at path, nil if it is not there.
func (s Source) find(path []string) (line int, value *yaml.Node) {
	if len(s.document.Content) == 0 {
		return 1, nil
	}
	value = s.document.Content[0]
	line = value.Line
	for _, name := range path {
		key, below := entry(value, name)
		if key == nil {
			return line, nil
		}
		line, value = key.Line, below
	}
	return line, value
}

// entry returns what a mapping has under a name, itself or merged from another;
// nil for nothing.
func entry(node *yaml.Node, name string) (key, value *yaml.Node) {
	node = follow(node)
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == name && !isMerge(node.Content[i]) {
			return node.Content[i], node.Content[i+1]
		}
	}
	for i := 0; i < len(node.Content); i += 2 {
		if !isMerge(node.Content[i]) {
			continue
		}
		for _, from := range merged(node.Content[i+1]) {
			if key, value := entry(from, name); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// follow returns what an alias stands for.
func follow(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// isNull reports whether a value was left out, though its name was not.
func isNull(node *yaml.Node) bool {
	node = follow(node)
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// isMerge reports whether a key is <<, which takes the fields of another mapping.
func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" }

// merged returns the mappings that stand behind <<.
func merged(value *yaml.Node) []*yaml.Node {
	value = follow(value)
	if value.Kind == yaml.SequenceNode {
		return value.Content
	}
	return []*yaml.Node{value}
}
