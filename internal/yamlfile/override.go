package yamlfile

import "slices"

// Override sets options from the environment: those that the schema names, even if the file
// does not set them, and those that the file names. variable returns the text for an option
// by its full name; empty if there is none. Commas separate the items of a list. A
// section that may be a boolean is switched on or off by its own variable.
func (f *File) Override(variable func(option string) (name, text string)) {
	f.root.overrideAll(variable)
}

func (n *Node) overrideAll(variable func(string) (string, string)) {
	parts, _ := n.parts()
	for _, p := range parts {
		properties, _ := p["properties"].(part)
		for key := range properties {
			if n.kind == mapping && n.child(key) == nil {
				n.children = append(n.children, &Node{file: n.file, name: key, parent: n, at: n.place()})
			}
		}
	}
	for _, c := range n.Children() {
		c.override(variable)
	}
	n.children = slices.DeleteFunc(n.children, func(c *Node) bool {
		of, _ := c.parts()
		needed := slices.ContainsFunc(of, func(p part) bool { return p["minProperties"] != nil })
		return n.kind == mapping && c.key == (place{}) && c.kind != scalar && len(c.children) == 0 && !needed
	})
}

// override sets an option by its variable. A section that may be a boolean has one, too: true
// switches it on with its options.
func (n *Node) override(variable func(string) (string, string)) {
	of, _ := n.parts()
	allowed := types(of)
	section := slices.Contains(allowed, "object") && !slices.Contains(allowed, "string")
	name, text := variable(n.Path())
	if len(of) == 0 || section && !slices.Contains(allowed, "boolean") {
		text = ""
	}
	on := section && text == "true"
	if section && (on && n.kind == scalar || n.kind == null) {
		n.kind = mapping
	}
	if text == "" || on {
		n.overrideAll(variable)
	}
	if text == "" || on && len(n.children) > 0 {
		return
	}
	n.file.Overrides = append(n.file.Overrides, name)
	n.env, n.kind, n.text, n.children = name, scalar, text, nil
	if slices.Contains(allowed, "array") && !slices.Contains(allowed, "string") {
		*n = *n.Split(text)
	}
}
