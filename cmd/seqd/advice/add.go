package advice

import "fmt"

// Add returns err with what to try about it after its text, where there is
// something.
func Add(err error) error {
	if try := For(err); try != "" {
		return fmt.Errorf("%w; %s", err, try)
	}
	return err
}
