package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// fits checks that the document has the settings of c, and values of their types.
// yaml's decoder would do it too, but it names the types of Go in place of the
// settings, cuts 1.5 down to 1, and shows values, which may be passwords.
func (s Source) fits(c *Config) error {
	if len(s.document.Content) == 0 {
		return nil
	}
	return s.fitsType(s.document.Content[0], reflect.TypeOf(*c), nil)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	leaseType    = reflect.TypeFor[Lease]()
	windowType   = reflect.TypeFor[Window]()
)

func (s Source) fitsType(node *yaml.Node, t reflect.Type, path []string) error {
	node = follow(node)
	if isNull(node) {
		return nil // as if it were left out
	}
	wrong := func(format string, args ...any) error { return s.wrong(node, path, format, args...) }
	switch {
	case t.Kind() == reflect.Pointer:
		return s.fitsType(node, t.Elem(), path)
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		if node.Kind != yaml.MappingNode {
			return wrong("there must be settings with names here, like %s", exampleOf(t))
		}
		return s.fitsFields(node, t, path)
	case t.Kind() == reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			return wrong("must be a list, in brackets: %s", exampleList(path))
		}
		for i, element := range node.Content {
			at := slices.Clone(path)
			at[len(at)-1] += fmt.Sprintf("[%d]", i)
			if isNull(element) {
				return s.wrong(element, at, "is empty")
			}
			if err := s.fitsType(element, t.Elem(), at); err != nil {
				return err
			}
		}
		return nil
	case node.Kind != yaml.ScalarNode:
		return wrong("must be one value, without brackets, braces or names below it")
	}
	value := reflect.New(t)
	err := node.Decode(value.Interface())
	switch {
	case t == durationType && (err != nil || node.ShortTag() != "!!str"):
		return wrong("must be a time with its unit, like 500ms, 5s or 2m")
	case t == leaseType && err != nil:
		return wrong("must be 0, or a time with its unit, from 1s to 60s, like 3s")
	case t == windowType && err != nil:
		return wrong("must be 0, or a time with its unit, from 1m to 24h, like 10m")
	case t.Kind() == reflect.Bool && err != nil:
		return wrong("must be true or false")
	case isInt(t) && (err != nil || node.ShortTag() != "!!int"):
		return wrong("must be a whole number, in digits and without quotes, of at most %d", int64(1)<<(t.Bits()-1)-1)
	case isInt(t) && isOctal(node.Value):
		return wrong("begins with 0: write it without, because YAML takes it for octal")
	case err != nil:
		return wrong("must be text; put it in quotes")
	}
	return nil
}

// fitsFields checks what stands below a mapping's names, and the names.
func (s Source) fitsFields(node *yaml.Node, t reflect.Type, path []string) error {
	fields := fieldsOf(t)
	seen := map[string]int{} // lines
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if isMerge(key) {
			for _, from := range merged(value) {
				if err := s.fitsType(from, t, path); err != nil {
					return err
				}
			}
			continue
		}
		if key = follow(key); key.Kind != yaml.ScalarNode {
			return s.wrong(key, path, "a name must be a word")
		}
		if isNull(key) { // what stands below it would be dropped
			return s.wrong(key, path, "%q stands for no name in YAML: put it in quotes", key.Value)
		}
		at := append(slices.Clone(path), key.Value)
		field := t
		if t.Kind() == reflect.Map {
			field = t.Elem()
		} else if field = fields[key.Value]; field == nil {
			return s.unknown(key, slices.Sorted(maps.Keys(fields)), path)
		}
		if line := seen[key.Value]; line > 0 {
			return s.wrong(key, at, "is set twice; first in line %d", line)
		}
		seen[key.Value] = key.Line
		if err := s.fitsType(value, field, at); err != nil {
			return err
		}
	}
	return nil
}

// unknown is the error for a field that there is not, with those that there are.
func (s Source) unknown(key *yaml.Node, known, path []string) error {
	where := ""
	if len(path) > 0 {
		where = " in " + strings.Join(path, ".")
	}
	return fmt.Errorf("%s:%d: field %s not found%s: there may be %s", s.path, key.Line, key.Value, where, strings.Join(known, ", "))
}

func (s Source) wrong(node *yaml.Node, path []string, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if len(path) > 0 {
		text = strings.Join(path, ".") + ": " + text
	}
	return fmt.Errorf("%s:%d: %s", s.path, node.Line, text)
}

// fieldsOf returns a struct's fields by their names in the file, nil for a map.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" { // else it is no setting
			fields[name] = f.Type
		}
	}
	return fields
}

// exampleOf names a setting of a struct, to show what is meant.
func exampleOf(t reflect.Type) string {
	if t.Kind() == reflect.Map {
		return "name: {…}"
	}
	return fmt.Sprintf("%s: …", t.Field(0).Tag.Get("yaml"))
}

func exampleList(path []string) string {
	if path[len(path)-1] == "endpoints" {
		return "[127.0.0.1:2379]"
	}
	return "[strong]"
}

func isInt(t reflect.Type) bool {
	return (t.Kind() == reflect.Int || t.Kind() == reflect.Int64) && t != durationType && t != leaseType && t != windowType
}

// isOctal reports whether YAML takes what looks like a number for another one.
func isOctal(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	_, err := strconv.Atoi(digits)
	return err == nil && len(digits) > 1 && digits[0] == '0'
}
