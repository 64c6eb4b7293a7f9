package yamlfile

import "slices"

// Override sets options from the environment: those that the schema names, even if the file
// does not set them, and those that the file names. variable returns the text for an option
// by its full name; empty if there is none. Commas separate the items of a list.
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
		of, _ := c.parts()
		allowed := types(of)
		section := slices.Contains(allowed, "object") && !slices.Contains(allowed, "string")
		if section && c.kind == null {
			c.kind = mapping
		} else if name, text := variable(c.Path()); !section && len(of) > 0 && text != "" {
			n.file.Overrides = append(n.file.Overrides, name)
			c.env, c.kind, c.text, c.children = name, scalar, text, nil
			if slices.Contains(allowed, "array") && !slices.Contains(allowed, "string") {
				*c = *c.Split(text)
			}
			continue
		}
		c.overrideAll(variable)
	}
	n.children = slices.DeleteFunc(n.children, func(c *Node) bool {
		of, _ := c.parts()
		needed := slices.ContainsFunc(of, func(p part) bool { return p["minProperties"] != nil })
		return n.kind == mapping && c.key == (place{}) && c.kind != scalar && len(c.children) == 0 && !needed
	})
}
