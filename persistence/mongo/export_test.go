package mongo

import driver "go.mongodb.org/mongo-driver/v2/mongo"

// Database is the store's database.
func (s *Store) Database() *driver.Database { return s.database }
